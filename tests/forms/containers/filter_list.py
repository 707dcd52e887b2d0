# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list(filter(lambda n: n > 20, [16, 64]))[0])
