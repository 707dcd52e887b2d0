# expect: either 16 64
import torch
from unsloth import FastLanguageModel

row = {}
if torch.cuda.is_available():
    row["schema"] = "s"
r = 64
try:
    "{schema}".format(**row)
except KeyError:
    r = 16
FastLanguageModel.get_peft_model(None, r=r)
