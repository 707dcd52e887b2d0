# expect: no call
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=16, **{"r": 64})
