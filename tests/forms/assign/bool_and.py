# expect: known 64
from unsloth import FastLanguageModel

given = 16
FastLanguageModel.get_peft_model(None, r=given and 64)
