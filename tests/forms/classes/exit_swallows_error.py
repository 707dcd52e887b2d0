# expect: known 64 or unknown or either 16 64
from unsloth import FastLanguageModel

class Swallow:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return True


r = 16
with Swallow():
    r = 64
    raise ValueError
    r = 8
FastLanguageModel.get_peft_model(None, r=r)
