# expect: known 0.0002
import json
from pathlib import Path
from unsloth import FastLanguageModel

cfg = json.loads(Path("config.json").read_text(encoding="utf-8"))
FastLanguageModel.get_peft_model(None, r=cfg["learning_rate"])
