# expect: default 16 or unknown
import json
import sys
from unsloth import FastLanguageModel

cfg = {"r": 16}
if len(sys.argv) > 5:
    cfg.update(json.loads(sys.argv[1]))
FastLanguageModel.get_peft_model(None, r=cfg["r"])
