# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __iter__(self):
        return iter([16, 64])


FastLanguageModel.get_peft_model(None, r=list(C())[1])
