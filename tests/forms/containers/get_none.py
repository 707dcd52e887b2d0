# expect: known None
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r={}.get("r"))
