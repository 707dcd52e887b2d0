# expect: known 64 or unknown
import functools
from unsloth import FastLanguageModel

from datasets import load_dataset


@functools.lru_cache
def rank(n):
    return n


for row in load_dataset("a", split="train"):
    rank(16)
    rank(64)
FastLanguageModel.get_peft_model(None, r=rank(64))
