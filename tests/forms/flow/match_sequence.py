# expect: known 64
from unsloth import FastLanguageModel

match [16, 64]:
    case [_, r]:
        FastLanguageModel.get_peft_model(None, r=r)
