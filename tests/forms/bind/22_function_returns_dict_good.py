# expect: known 16
from unsloth import FastLanguageModel


def lora():
    return {"r": 16}


FastLanguageModel.get_peft_model(None, **lora())
