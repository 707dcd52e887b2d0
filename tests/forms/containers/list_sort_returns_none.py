# expect: known None
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[2, 1].sort())
