# expect: known 64
from unsloth import FastLanguageModel

MISSING = object()


def read(cfg, key, default=MISSING):
    value = cfg.get(key, default)
    return 64 if value is MISSING else value


FastLanguageModel.get_peft_model(None, r=read({}, "r"))
