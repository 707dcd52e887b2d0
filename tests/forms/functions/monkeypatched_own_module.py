# expect: known 64 or unknown
import math
from unsloth import FastLanguageModel

math.floor = lambda n: 64
FastLanguageModel.get_peft_model(None, r=math.floor(16.5))
