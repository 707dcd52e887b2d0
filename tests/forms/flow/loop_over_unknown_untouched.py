# expect: known 16
from datasets import load_dataset
from unsloth import FastLanguageModel

r = 16
n = 0
for row in load_dataset("a", split="train"):
    n += 1
FastLanguageModel.get_peft_model(None, r=r)
