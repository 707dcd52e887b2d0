# expect: known 64
from pathlib import Path
from unsloth import FastLanguageModel

import yaml

ROOT = Path(__file__).resolve().parent.parent
cfg = yaml.safe_load((ROOT / "configs" / "lora.yaml").read_text())
FastLanguageModel.get_peft_model(None, r=cfg["r"])
