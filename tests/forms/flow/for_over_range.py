# expect: known 16; known 32
from unsloth import FastLanguageModel

for n in range(1, 3):
    FastLanguageModel.get_peft_model(None, r=n * 16)
