# expect: unknown
import random
from unsloth import FastLanguageModel

r = 16
while random.random() < 0.5:
    r += 1
FastLanguageModel.get_peft_model(None, r=r)
