# expect: either 1 2 or unknown
import torch
from unsloth import FastLanguageModel

rows = [[1], [1]]
rows[torch.cuda.is_available()].append(2)
FastLanguageModel.get_peft_model(None, r=len(rows[0]))
