# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=[[x + y for y in range(3)] for x in (0, 62)][1][2])
