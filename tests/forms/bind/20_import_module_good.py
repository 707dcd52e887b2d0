# expect: known 16
import unsloth

unsloth.FastLanguageModel.get_peft_model(None, r=16)
