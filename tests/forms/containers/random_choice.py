# expect: unknown or either 16 64
import random
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=random.choice([16, 64]))
