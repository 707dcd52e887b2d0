# expect: known 64
from unsloth import FastLanguageModel

class Base:
    n = 16


class C(Base):
    pass


Base.n = 64
FastLanguageModel.get_peft_model(None, r=C().n)
