# expect: known 64
from unsloth import FastLanguageModel

class Base:
    def __init__(self, r):
        self.r = r


class Child(Base):
    def __init__(self):
        Base.__init__(self, 64)


FastLanguageModel.get_peft_model(None, r=Child().r)
