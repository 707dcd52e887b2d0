# expect: known 64 or unknown
from itertools import chain
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list(chain([16], [64]))[1])
