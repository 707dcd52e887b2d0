# expect: unknown or either 16 64
from datasets import load_dataset
from unsloth import FastLanguageModel

r = 16


def change(row):
    global r
    r = 64
    return row


load_dataset("a", split="train").map(change)
FastLanguageModel.get_peft_model(None, r=r)
