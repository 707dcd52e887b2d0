# expect: known 64
from unsloth import FastLanguageModel

class C:
    def __len__(self):
        return 64


FastLanguageModel.get_peft_model(None, r=len(C()))
