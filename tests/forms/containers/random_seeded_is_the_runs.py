# expect: unknown
import random
from unsloth import FastLanguageModel

random.seed(0)
FastLanguageModel.get_peft_model(None, r=random.randint(1, 1000))
