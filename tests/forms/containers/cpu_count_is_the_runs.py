# expect: unknown
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=os.cpu_count())
