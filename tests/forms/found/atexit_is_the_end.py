# expect: known 16 or known 16; known 64
import atexit
from unsloth import FastLanguageModel

atexit.register(lambda: None)
FastLanguageModel.get_peft_model(None, r=16)
