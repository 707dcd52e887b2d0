# expect: no call or known 64 or unknown
import unsloth

unsloth.FastLanguageModel.get_peft_model = lambda model, r: None
unsloth.FastLanguageModel.get_peft_model(None, r=64)
