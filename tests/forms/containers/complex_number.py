# expect: known 3.0 or unknown
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=(3 + 4j).real)
