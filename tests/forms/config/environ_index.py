# expect: unknown
import os
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=int(os.environ["LORA_R"]))
