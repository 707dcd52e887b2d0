# expect: known 64
from unsloth import FastLanguageModel

try:
    import broken
except SyntaxError:
    pass
FastLanguageModel.get_peft_model(None, r=64)
