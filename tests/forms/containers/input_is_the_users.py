# expect: default 1 or unknown
import sys
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(sys.argv))
