# expect: known 0
from unsloth import FastLanguageModel

xs = [1, 2, 3]
ys = xs
while xs:
    ys.pop()
FastLanguageModel.get_peft_model(None, r=len(ys))
