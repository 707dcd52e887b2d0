# expect: known 16
from unsloth import FastLanguageModel

class Temporarily:
    def __init__(self, target):
        self.target = target

    def __enter__(self):
        self.saved = self.target["r"]
        self.target["r"] = 64

    def __exit__(self, *exc):
        self.target["r"] = self.saved


cfg = {"r": 16}
with Temporarily(cfg):
    pass
FastLanguageModel.get_peft_model(None, r=cfg["r"])
