# expect: known 64 or unknown
from unsloth import FastLanguageModel

class Rank(int):
    pass


FastLanguageModel.get_peft_model(None, r=Rank(64) + 0)
