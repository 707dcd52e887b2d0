# expect: known True
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[1, 2] < [1, 3])
