# expect: known "b"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=max({"a": 64, "b": 16}))
