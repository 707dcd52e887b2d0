# expect: known "64" or unknown
import re
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=re.search(r"\d+", "r64").group())
