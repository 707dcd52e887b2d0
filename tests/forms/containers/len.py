# expect: known 3
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len({"a": 1, "b": 2, "c": 3}))
