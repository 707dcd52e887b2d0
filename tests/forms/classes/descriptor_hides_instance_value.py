# expect: known 64 or unknown
from unsloth import FastLanguageModel

class D:
    def __get__(self, instance, owner):
        return 64

    def __set__(self, instance, value):
        pass


class C:
    r = D()


c = C()
c.r = 16
FastLanguageModel.get_peft_model(None, r=c.r)
