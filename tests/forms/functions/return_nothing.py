# expect: known None
from unsloth import FastLanguageModel

def settings():
    pass


FastLanguageModel.get_peft_model(None, r=settings())
