# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __getattr__(self, name):
        return {"r": 64}[name]


FastLanguageModel.get_peft_model(None, r=C().r)
