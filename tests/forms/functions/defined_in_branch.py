# expect: known 64
from unsloth import FastLanguageModel

if True:

    def rank():
        return 64

else:

    def rank():
        return 16


FastLanguageModel.get_peft_model(None, r=rank())
