# expect: either 16 64 or default 64
from unsloth import FastLanguageModel

try:
    import flash_attn

    r = 64
except ImportError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
