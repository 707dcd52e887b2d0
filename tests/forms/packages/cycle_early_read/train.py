# expect: known 16
import a
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=a.b.SEEN)
