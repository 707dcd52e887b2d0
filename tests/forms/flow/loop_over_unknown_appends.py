# expect: unknown
from datasets import load_dataset
from unsloth import FastLanguageModel

rows = []
for row in load_dataset("a", split="train"):
    rows.append(row)
FastLanguageModel.get_peft_model(None, r=len(rows))
