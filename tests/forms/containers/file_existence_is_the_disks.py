# expect: unknown or either 16 64
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if os.path.isdir("outputs") else 16)
