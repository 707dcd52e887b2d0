# expect: known "a_b-c"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="-".join(["a.b".replace(".", "_"), "c"]))
