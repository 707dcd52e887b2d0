# expect: known "r"
from unsloth import FastLanguageModel

(key,) = {"r": 64}
FastLanguageModel.get_peft_model(None, r=key)
