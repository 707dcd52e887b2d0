# expect: known 64
import sys
from unsloth import FastLanguageModel

try:
    sys.exit(0)
finally:
    FastLanguageModel.get_peft_model(None, r=64)
