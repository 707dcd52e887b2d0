# expect: known 64
from unsloth import FastLanguageModel

class Base:
    r = 64


class Child(Base):
    pass


FastLanguageModel.get_peft_model(None, r=Child().r)
