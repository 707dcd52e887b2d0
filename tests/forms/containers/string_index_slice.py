# expect: known "ed"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="abcde"[-1] + "abcde"[3])
