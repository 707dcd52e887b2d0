# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C:
    one = None

    def __new__(cls):
        if cls.one is None:
            cls.one = object.__new__(cls)
            cls.one.r = 16
        return cls.one


a = C()
C().r = 64
FastLanguageModel.get_peft_model(None, r=a.r)
