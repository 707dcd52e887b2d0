# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __getitem__(self, key):
        return {"r": 64}[key]


FastLanguageModel.get_peft_model(None, r=C()["r"])
