# expect: known 64
from unsloth import FastLanguageModel

((name, r),) = {"r": 64}.items()
FastLanguageModel.get_peft_model(None, r=r)
