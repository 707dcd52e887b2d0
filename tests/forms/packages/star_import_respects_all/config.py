__all__ = ["ALPHA"]
R = 64
ALPHA = 8
