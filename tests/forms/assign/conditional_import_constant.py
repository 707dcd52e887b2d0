# expect: known 64 or either 16 64
import sys
from unsloth import FastLanguageModel

if sys.version_info >= (3, 0):
    r = 64
else:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
