# expect: known 2
from unsloth import FastLanguageModel

def same(items):
    return items


a = [1]
same(a).append(2)
FastLanguageModel.get_peft_model(None, r=len(a))
