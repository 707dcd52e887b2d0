# expect: known 64
from unsloth import FastLanguageModel

class Base:
    r = 16

    @classmethod
    def rank(cls):
        return cls.r


class Child(Base):
    r = 64


FastLanguageModel.get_peft_model(None, r=Child.rank())
