# expect: known 64 or unknown
from unsloth import FastLanguageModel

class AttrDict(dict):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.__dict__ = self


cfg = AttrDict({"r": 16})
cfg.r = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
