# expect: known 64
from unsloth import FastLanguageModel

r: int = 64
FastLanguageModel.get_peft_model(None, r=r)
