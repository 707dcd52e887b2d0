# expect: known 16
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=16)
raise SystemExit
FastLanguageModel.get_peft_model(None, r=64)
