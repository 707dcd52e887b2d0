# expect: known 64
from project.config import load
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=load()["r"])
