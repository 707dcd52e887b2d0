# expect: known 64
from unsloth import FastLanguageModel

double = lambda n: n * 2
FastLanguageModel.get_peft_model(None, r=double(32))
