# expect: either 16 64 or known 64
from unsloth import FastLanguageModel

try:
    import flash_attn

    r = 64
except ImportError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
