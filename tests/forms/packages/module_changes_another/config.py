CFG = {"r": 16}
