# expect: known 5
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list(enumerate("ab", start=4))[1][0])
