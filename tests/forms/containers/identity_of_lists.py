# expect: known False
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[] is [])
