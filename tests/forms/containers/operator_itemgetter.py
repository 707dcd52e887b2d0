# expect: known 64 or unknown
from operator import itemgetter
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=itemgetter("r")({"r": 64}))
