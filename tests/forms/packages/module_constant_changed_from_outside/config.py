R = 16


def rank():
    return R
