# expect: known 2
from unsloth import FastLanguageModel

class C:
    items = [1]


C().items.append(2)
FastLanguageModel.get_peft_model(None, r=len(C().items))
