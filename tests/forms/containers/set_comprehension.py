# expect: known 2
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len({n % 2 for n in range(9)}))
