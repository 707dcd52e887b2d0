config = 64
