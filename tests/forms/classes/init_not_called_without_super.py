# expect: known 16
from unsloth import FastLanguageModel

class Base:
    r = 16

    def __init__(self):
        self.r = 64


class Child(Base):
    def __init__(self):
        pass


FastLanguageModel.get_peft_model(None, r=Child().r)
