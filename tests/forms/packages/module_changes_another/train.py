# expect: known 64
import config
import override
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=config.CFG["r"])
