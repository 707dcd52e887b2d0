# expect: known 64
from unsloth import FastLanguageModel

max = {"r": 64}
FastLanguageModel.get_peft_model(None, r=max["r"])
