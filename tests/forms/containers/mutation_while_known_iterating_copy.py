# expect: known 1
from unsloth import FastLanguageModel

cfg = {"a": None, "b": 1}
for key in list(cfg):
    if cfg[key] is None:
        del cfg[key]
FastLanguageModel.get_peft_model(None, r=len(cfg))
