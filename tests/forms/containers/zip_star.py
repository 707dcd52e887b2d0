# expect: known 64
from unsloth import FastLanguageModel

(a, b) = zip(*[(1, 16), (2, 64)])
FastLanguageModel.get_peft_model(None, r=b[1])
