# expect: known 2 or unknown
from collections import Counter
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=Counter(["a", "a", "b"])["a"])
