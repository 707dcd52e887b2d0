# expect: known "'a'"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=f"{'a'!r}")
