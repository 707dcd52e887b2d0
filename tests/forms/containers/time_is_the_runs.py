# expect: unknown
import time
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=int(time.time()))
