R = 64


def rank():
    return R
