# expect: known 8; known 16; known 32; known 64
from itertools import product
from unsloth import FastLanguageModel

for a, b in product([1, 4], [8, 16]):
    FastLanguageModel.get_peft_model(None, r=a * b)
