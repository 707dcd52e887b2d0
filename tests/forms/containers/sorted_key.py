# expect: known "checkpoint-1000"
from unsloth import FastLanguageModel

names = ["checkpoint-500", "checkpoint-1000"]
FastLanguageModel.get_peft_model(None, r=sorted(names, key=lambda n: int(n.split("-")[1]))[-1])
