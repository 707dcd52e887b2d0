# expect: unknown or either 8 16 64
from datasets import load_dataset
from unsloth import FastLanguageModel

a, b = 8, 16
for row in load_dataset("a", split="train"):
    a, b = b, 64
FastLanguageModel.get_peft_model(None, r=a)
