# expect: known "r64"
from unsloth import FastLanguageModel

class C:
    def __str__(self):
        return "r64"


FastLanguageModel.get_peft_model(None, r=f"{C()}")
