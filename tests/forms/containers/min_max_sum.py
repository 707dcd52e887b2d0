# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=max(1, 60) + min([4, 9]) + sum([0]))
