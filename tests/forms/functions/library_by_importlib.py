# expect: known 64
import importlib

unsloth = importlib.import_module("unsloth")
unsloth.FastLanguageModel.get_peft_model(None, r=64)
