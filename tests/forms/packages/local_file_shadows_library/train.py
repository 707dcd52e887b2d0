# expect: known 64
from wandb_settings import R
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=R)
