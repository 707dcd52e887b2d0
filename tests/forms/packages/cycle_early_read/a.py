R = 16
import b

R = 64
