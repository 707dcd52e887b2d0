R = 64
import b
