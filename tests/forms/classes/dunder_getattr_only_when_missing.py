# expect: known 16
from unsloth import FastLanguageModel

class C:
    r = 16

    def __getattr__(self, name):
        return 64


FastLanguageModel.get_peft_model(None, r=C().r)
