# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel

cfg = {}
parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
if parser.parse_args().big:
    cfg["r"] = 64
FastLanguageModel.get_peft_model(None, r=cfg.get("r", 16))
