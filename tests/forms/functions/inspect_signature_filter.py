# expect: known 64
import inspect

from unsloth import FastLanguageModel


def accepts(model=None, r=16):
    return r


given = {"r": 64, "other": 1}
allowed = inspect.signature(accepts).parameters
FastLanguageModel.get_peft_model(None, r=accepts(**{k: v for k, v in given.items() if k in allowed}))
