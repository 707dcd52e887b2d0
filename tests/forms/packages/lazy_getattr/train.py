# expect: known 64 or unknown
import config
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=config.R)
