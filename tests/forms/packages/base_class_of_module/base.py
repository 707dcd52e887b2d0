class Base:
    r = 64
