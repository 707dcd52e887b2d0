# expect: known 10; known 21
from unsloth import FastLanguageModel

for index, r in enumerate([10, 20]):
    FastLanguageModel.get_peft_model(None, r=index + r)
