# expect: known 64
import json
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=json.loads('{"r": 64}')["r"])
