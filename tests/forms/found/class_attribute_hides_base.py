# expect: known 16
from unsloth import FastLanguageModel

class Base:
    n = 8


class C(Base):
    pass


C.n = 16
Base.n = 64
FastLanguageModel.get_peft_model(None, r=C().n)
