# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    r = 16

    def __getattribute__(self, name):
        return 64


FastLanguageModel.get_peft_model(None, r=C().r)
