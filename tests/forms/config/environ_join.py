# expect: default "runs/out"
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=os.path.join(os.getenv("ROOT_DIR", "runs"), "out"))
