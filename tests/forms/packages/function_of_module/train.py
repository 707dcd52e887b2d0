# expect: known 64
from helpers import build

build(64)
