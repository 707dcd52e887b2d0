# expect: known 64
from unsloth import FastLanguageModel

if (r := 64) > 16:
    pass
FastLanguageModel.get_peft_model(None, r=r)
