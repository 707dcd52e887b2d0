# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __radd__(self, other):
        return other + 63


FastLanguageModel.get_peft_model(None, r=1 + C())
