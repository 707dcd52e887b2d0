# expect: known 16
from unsloth import FastLanguageModel

BASE = 8
FastLanguageModel.get_peft_model(None, r=BASE * 2)
