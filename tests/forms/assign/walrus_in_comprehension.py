# expect: known 9
from unsloth import FastLanguageModel

squares = [last := n * n for n in range(4)]
FastLanguageModel.get_peft_model(None, r=last)
