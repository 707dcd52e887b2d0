# expect: known 16
from unsloth import FastLanguageModel

"""Do not call FastLanguageModel.get_peft_model(model, r=64) here."""
FastLanguageModel.get_peft_model(None, r=16)
