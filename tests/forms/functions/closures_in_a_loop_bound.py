# expect: known 8
from unsloth import FastLanguageModel

readers = []
for r in [8, 16, 64]:
    readers.append(lambda r=r: r)
FastLanguageModel.get_peft_model(None, r=readers[0]())
