# expect: known 64
from unsloth import FastLanguageModel

class Base:
    def __init__(self, r=16):
        self.r = r


class Child(Base):
    def __init__(self):
        super(Child, self).__init__(r=64)


FastLanguageModel.get_peft_model(None, r=Child().r)
