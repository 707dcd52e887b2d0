# expect: known 64
from unsloth import FastLanguageModel

given = None
FastLanguageModel.get_peft_model(None, r=given or 64)
