# expect: known "64-0.050"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="{r}-{d:.3f}".format(r=64, d=0.05))
