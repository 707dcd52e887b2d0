# expect: known 64
from unsloth import FastLanguageModel

def large():
    return 64


table = {"large": large, "small": lambda: 16}
FastLanguageModel.get_peft_model(None, r=table["large"]())
