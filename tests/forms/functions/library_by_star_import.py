# expect: known 64
from unsloth import *

FastLanguageModel.get_peft_model(None, r=64)
