# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[n * 16 for n in [1, 2, 4]][2])
