# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    def __int__(self):
        return 64


FastLanguageModel.get_peft_model(None, r=int(C()))
