# expect: known 0.0002
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=float("2e-4"))
