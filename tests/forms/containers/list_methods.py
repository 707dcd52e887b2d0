# expect: known 64
from unsloth import FastLanguageModel

a = [3, 1, 2]
a.sort()
a.reverse()
a.insert(0, 64)
a.extend([5])
a.remove(5)
FastLanguageModel.get_peft_model(None, r=a[0])
