# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list(map(lambda a, b: a * b, [4], [16]))[0])
