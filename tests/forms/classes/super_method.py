# expect: known 64
from unsloth import FastLanguageModel

class Base:
    def rank(self):
        return 16


class Child(Base):
    def rank(self):
        return super().rank() * 4


FastLanguageModel.get_peft_model(None, r=Child().rank())
