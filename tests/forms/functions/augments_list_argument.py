# expect: known 2
from unsloth import FastLanguageModel

def change(items):
    items += [64]


a = [16]
change(a)
FastLanguageModel.get_peft_model(None, r=len(a))
