# expect: known 64
import unsloth

unsloth.FastLanguageModel.get_peft_model(None, r=64)
