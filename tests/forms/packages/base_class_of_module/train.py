# expect: known 64
import base
from unsloth import FastLanguageModel


class Config(base.Base):
    alpha = 16


FastLanguageModel.get_peft_model(None, r=Config().r)
