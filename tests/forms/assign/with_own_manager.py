# expect: known 64
from unsloth import FastLanguageModel

class Scope:
    def __init__(self, r):
        self.r = r

    def __enter__(self):
        return self.r

    def __exit__(self, *exc):
        return False


with Scope(64) as r:
    FastLanguageModel.get_peft_model(None, r=r)
