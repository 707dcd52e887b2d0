# expect: known 64
from unsloth import FastLanguageModel

grid = [[16]] * 2
grid[0][0] = 64
FastLanguageModel.get_peft_model(None, r=grid[1][0])
