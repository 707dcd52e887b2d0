# expect: known 1 or unknown
from unsloth import FastLanguageModel

seen = []
any(seen.append(n) or True for n in [1, 2, 3])
FastLanguageModel.get_peft_model(None, r=len(seen))
