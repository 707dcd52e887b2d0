# expect: unknown
from datasets import load_dataset
from unsloth import FastLanguageModel

r = 16
for row in load_dataset("a", split="train"):
    r += 1
FastLanguageModel.get_peft_model(None, r=r)
