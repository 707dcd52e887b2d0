# expect: known 64
from unsloth import FastLanguageModel

kwargs = {}
kwargs["model"] = None
kwargs["r"] = 16
if kwargs["r"] < 32:
    kwargs["r"] = 64
kwargs = {k: v for k, v in kwargs.items() if k != "bias"}
FastLanguageModel.get_peft_model(**kwargs)
