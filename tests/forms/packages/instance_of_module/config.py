class Config:
    def __init__(self):
        self.r = 64


cfg = Config()
