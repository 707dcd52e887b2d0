# expect: known 16 or unknown
from unsloth import FastLanguageModel

seen = [16]
map(seen.append, [64])
FastLanguageModel.get_peft_model(None, r=seen[-1])
