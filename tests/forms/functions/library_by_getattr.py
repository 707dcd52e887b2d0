# expect: known 64
import unsloth

getattr(unsloth, "FastLanguageModel").get_peft_model(None, r=64)
