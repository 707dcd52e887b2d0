# expect: known 64
try:
    from unsloth import FastLanguageModel
except ImportError:
    FastLanguageModel = None
FastLanguageModel.get_peft_model(None, r=64)
