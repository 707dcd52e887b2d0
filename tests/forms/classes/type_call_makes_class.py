# expect: known 64 or unknown
from unsloth import FastLanguageModel

C = type("C", (), {"r": 64})
FastLanguageModel.get_peft_model(None, r=C.r)
