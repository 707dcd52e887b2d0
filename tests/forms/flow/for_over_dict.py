# expect: known 64
from unsloth import FastLanguageModel

for name, r in {"a": 64}.items():
    FastLanguageModel.get_peft_model(None, r=r)
