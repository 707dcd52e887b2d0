# expect: known "model-7b"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=" Org/Model-7B ".strip().lower().split("/")[-1])
