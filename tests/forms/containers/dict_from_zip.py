# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=dict(zip(["alpha", "r"], [16, 64]))["r"])
