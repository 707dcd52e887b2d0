# expect: no call
from unsloth import FastLanguageModel

class FastLanguageModel:
    @staticmethod
    def get_peft_model(model, r):
        return model


FastLanguageModel.get_peft_model(None, r=64)
