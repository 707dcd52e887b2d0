# expect: default 16 or either 16 64 or unknown
import os
from unsloth import FastLanguageModel

r = 16
if os.environ.get("BIG", "0") == "1":
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
