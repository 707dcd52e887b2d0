# expect: known True
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="r" in frozenset(["r"]))
