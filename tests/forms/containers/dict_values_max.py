# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=max({"a": 16, "b": 64}.values()))
