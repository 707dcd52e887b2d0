# expect: known 64
from types import SimpleNamespace
from unsloth import FastLanguageModel

cfg = SimpleNamespace(r=16)
cfg.r = 64
FastLanguageModel.get_peft_model(None, r=cfg.r)
