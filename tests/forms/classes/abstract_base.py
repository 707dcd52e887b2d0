# expect: known 64
from abc import ABC, abstractmethod
from unsloth import FastLanguageModel


class Base(ABC):
    @abstractmethod
    def rank(self): ...

    def build(self):
        FastLanguageModel.get_peft_model(None, r=self.rank())


class Child(Base):
    def rank(self):
        return 64


Child().build()
