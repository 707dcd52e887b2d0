# expect: known 16
from unsloth import FastLanguageModel


class Fake:
    @staticmethod
    def get_peft_model(model, r):
        return r


Real, FastLanguageModel = FastLanguageModel, Fake
r = FastLanguageModel.get_peft_model(None, r=64)
Real.get_peft_model(None, r=16)
