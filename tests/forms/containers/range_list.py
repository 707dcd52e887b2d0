# expect: known 6
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list(range(0, 10, 3))[2])
