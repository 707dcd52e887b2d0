# expect: known 64
from unsloth import FastLanguageModel

class C:
    @staticmethod
    def rank():
        return 64


FastLanguageModel.get_peft_model(None, r=C.rank() if C().rank() == 64 else 16)
