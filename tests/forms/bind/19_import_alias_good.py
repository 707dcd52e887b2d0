# expect: known 16
from unsloth import FastLanguageModel as FLM

FLM.get_peft_model(None, r=16)
