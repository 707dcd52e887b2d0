# expect: unknown
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=min(4, os.cpu_count()))
