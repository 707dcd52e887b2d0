# expect: known "64" or unknown
from unsloth import FastLanguageModel

class C:
    def __format__(self, spec):
        return "64"


FastLanguageModel.get_peft_model(None, r=f"{C():x}")
