# expect: known 64
import a
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=a.R)
