# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r={k: v * 2 for k, v in {"r": 32}.items()}["r"])
