# expect: known 64
from unsloth import FastLanguageModel

given = {"r": 64, "alpha": None}
kept = {k: v for k, v in given.items() if v is not None}
FastLanguageModel.get_peft_model(None, r=kept.get("alpha", kept["r"]))
