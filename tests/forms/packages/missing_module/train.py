# expect: known 64
from unsloth import FastLanguageModel

try:
    import nowhere_to_be_found.settings as s

    R = s.R
except Exception:
    R = 16
FastLanguageModel.get_peft_model(None, r=64)
