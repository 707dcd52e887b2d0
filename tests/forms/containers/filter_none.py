# expect: known 1
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(list(filter(None, [0, 64, None]))))
