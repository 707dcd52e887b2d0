# expect: known 64
from large.config import R as LARGE
from small.config import R as SMALL
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=LARGE)
