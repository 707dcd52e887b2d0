# expect: known 64
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=64 if {1, 2} - {2} == {1} and 3 not in {1} | {2} else 16)
