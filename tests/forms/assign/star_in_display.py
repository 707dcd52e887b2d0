# expect: known 64
from unsloth import FastLanguageModel

tail = [64, 8]
FastLanguageModel.get_peft_model(None, r=[16, *tail][1])
