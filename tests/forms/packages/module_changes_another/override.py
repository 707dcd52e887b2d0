from config import CFG

CFG["r"] = 64
