# expect: either 16 64 or unknown
from datasets import load_dataset
from unsloth import FastLanguageModel

r = 16
for row in load_dataset("a", split="train"):
    if row["sql"]:
        r = 64
        break
FastLanguageModel.get_peft_model(None, r=r)
