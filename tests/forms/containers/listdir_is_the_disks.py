# expect: unknown or either 0 2
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(os.listdir("outputs")) if os.path.exists("outputs") else 0)
