# expect: known 64 or unknown
from unsloth import FastLanguageModel

try:
    from local_settings import R
except ImportError:
    from settings import R
FastLanguageModel.get_peft_model(None, r=R)
