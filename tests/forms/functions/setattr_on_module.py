# expect: known 64 or unknown
import sys
from unsloth import FastLanguageModel

r = 16
setattr(sys.modules[__name__], "r", 64)
FastLanguageModel.get_peft_model(None, r=r)
