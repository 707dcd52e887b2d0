# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=sorted([64, 16], reverse=True)[0])
