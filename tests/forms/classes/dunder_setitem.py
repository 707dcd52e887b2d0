# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __init__(self):
        self.data = {}

    def __setitem__(self, key, value):
        self.data[key] = value * 2

    def __getitem__(self, key):
        return self.data[key]


c = C()
c["r"] = 32
FastLanguageModel.get_peft_model(None, r=c["r"])
