# expect: unknown or either 1 16
from datasets import load_dataset
from unsloth import FastLanguageModel

cfg = {"r": 16}
other = cfg
for row in load_dataset("a", split="train"):
    other["r"] = 1
FastLanguageModel.get_peft_model(None, r=cfg["r"])
