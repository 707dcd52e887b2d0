# expect: known 8.0
import math
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=math.sqrt(64))
