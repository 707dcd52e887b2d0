# expect: unknown or default 1
import sys
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(sys.argv))
