# expect: known 64
from unsloth import FastLanguageModel

class A:
    r = 64


class B:
    r = 16


class C(A, B):
    pass


FastLanguageModel.get_peft_model(None, r=C.r)
