# expect: known "ccc"
from unsloth import FastLanguageModel

a = ["bb", "ccc", "a"]
a.sort(key=len, reverse=True)
FastLanguageModel.get_peft_model(None, r=a[0])
