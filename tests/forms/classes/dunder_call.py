# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __call__(self, n):
        return n * 2


FastLanguageModel.get_peft_model(None, r=C()(32))
