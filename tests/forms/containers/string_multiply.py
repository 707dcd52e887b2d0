# expect: known "ababab"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="ab" * 3)
