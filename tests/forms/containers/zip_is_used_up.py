# expect: known 0
from unsloth import FastLanguageModel

pairs = zip([1], [2])
dict(pairs)
FastLanguageModel.get_peft_model(None, r=len(list(pairs)))
