# expect: known 64
import math
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=math.ceil(63.2))
