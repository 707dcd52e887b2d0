# expect: known 64
from unsloth import FastLanguageModel

match {"lora": {"r": 64}}:
    case {"lora": {"r": r}}:
        FastLanguageModel.get_peft_model(None, r=r)
