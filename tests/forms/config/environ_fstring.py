# expect: default "runs/out"
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=f"{os.environ.get('ROOT_DIR', 'runs')}/out")
