# expect: known 64
from unsloth import FastLanguageModel

readers = [lambda: n for n in (16, 64)]
FastLanguageModel.get_peft_model(None, r=readers[0]())
