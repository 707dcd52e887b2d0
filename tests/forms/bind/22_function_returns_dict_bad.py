# expect: known 64
from unsloth import FastLanguageModel


def lora():
    return {"r": 64}


FastLanguageModel.get_peft_model(None, **lora())
