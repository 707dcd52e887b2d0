# expect: known 16
import config
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=config.R)
