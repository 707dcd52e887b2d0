# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[n for n in [8, 64, 3] if n > 10][0])
