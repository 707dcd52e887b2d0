# expect: known 64
from unsloth import FastLanguageModel

(a, (b, r)), c = (1, (2, 64)), 3
FastLanguageModel.get_peft_model(None, r=r)
