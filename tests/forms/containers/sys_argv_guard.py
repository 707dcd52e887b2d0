# expect: default 16 or unknown or either 16 64
import sys
from unsloth import FastLanguageModel

r = int(sys.argv[1]) if len(sys.argv) > 1 else 16
FastLanguageModel.get_peft_model(None, r=r)
