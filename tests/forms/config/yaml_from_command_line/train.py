# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

import yaml

parser = argparse.ArgumentParser()
parser.add_argument("--config", default="config.yaml")
args = parser.parse_args()
with open(args.config) as f:
    cfg = yaml.safe_load(f)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
