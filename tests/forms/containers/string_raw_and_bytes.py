# expect: known 4
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(r"\n\n") + len(b""))
