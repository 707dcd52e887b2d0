# expect: known "checkpoint-500"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=sorted(["checkpoint-1000", "checkpoint-500"])[-1])
