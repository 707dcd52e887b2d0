# expect: known 64
from pathlib import Path
from unsloth import FastLanguageModel

import yaml

path = Path(__file__).parents[1].joinpath("lora").with_suffix(".yaml")
with path.open() as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
