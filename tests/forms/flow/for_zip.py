# expect: known 64
from unsloth import FastLanguageModel

for a, b in zip([4, 5], [16]):
    FastLanguageModel.get_peft_model(None, r=a * b)
