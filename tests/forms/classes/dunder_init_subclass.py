# expect: known 64 or unknown
from unsloth import FastLanguageModel

class Base:
    def __init_subclass__(cls):
        cls.r = 64


class Child(Base):
    r = 16


FastLanguageModel.get_peft_model(None, r=Child.r)
