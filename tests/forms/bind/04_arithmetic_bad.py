# expect: known 64
from unsloth import FastLanguageModel

BASE = 32
FastLanguageModel.get_peft_model(None, r=BASE * 2)
