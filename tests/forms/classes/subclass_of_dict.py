# expect: known 64 or unknown
from unsloth import FastLanguageModel

class C(dict):
    __getattr__ = dict.get


FastLanguageModel.get_peft_model(None, r=C(r=64).r)
