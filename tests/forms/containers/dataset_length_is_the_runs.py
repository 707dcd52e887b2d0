# expect: unknown
from datasets import load_dataset
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(load_dataset("a", split="train")))
