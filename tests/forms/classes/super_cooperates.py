# expect: known 42
from unsloth import FastLanguageModel

class A:
    def n(self):
        return 2


class B(A):
    def n(self):
        return super().n() + 40


class C(A):
    pass


class D(B, C):
    pass


FastLanguageModel.get_peft_model(None, r=D().n())
