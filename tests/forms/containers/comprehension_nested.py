# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[a * b for a in [2, 4] for b in [8, 16]][-1])
