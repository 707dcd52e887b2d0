# expect: known 64
from unsloth import FastLanguageModel

def rank(size):
    if size == "large":
        return 64
    return 16


FastLanguageModel.get_peft_model(None, r=rank("large"))
