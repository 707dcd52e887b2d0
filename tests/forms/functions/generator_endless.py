# expect: known 3 or unknown
from unsloth import FastLanguageModel

def count():
    n = 0
    while True:
        yield n
        n += 1


for n in count():
    if n == 3:
        break
FastLanguageModel.get_peft_model(None, r=n)
