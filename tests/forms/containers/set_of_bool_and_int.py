# expect: known 1
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len({1, True, 1.0}))
