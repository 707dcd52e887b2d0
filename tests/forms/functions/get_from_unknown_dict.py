# expect: unknown
from mystery import overrides
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=overrides().get("r", 16))
