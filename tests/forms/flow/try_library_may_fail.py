# expect: either 16 64 or known 64 or default 64 or unknown
from transformers import AutoConfig
from unsloth import FastLanguageModel

r = 16
try:
    AutoConfig.from_pretrained("model")
    r = 64
except Exception:
    pass
FastLanguageModel.get_peft_model(None, r=r)
