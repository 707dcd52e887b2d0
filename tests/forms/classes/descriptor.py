# expect: known 64 or unknown
from unsloth import FastLanguageModel

class D:
    def __get__(self, instance, owner):
        return 64


class C:
    r = D()


FastLanguageModel.get_peft_model(None, r=C().r)
