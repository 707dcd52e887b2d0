# expect: known 64
from unsloth import FastLanguageModel

match 64:
    case int() as r:
        FastLanguageModel.get_peft_model(None, r=r)
