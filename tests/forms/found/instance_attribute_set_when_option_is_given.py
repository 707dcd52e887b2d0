# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel


class Config:
    r = 16


cfg = Config()
parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int)
args = parser.parse_args()
if args.r:
    cfg.r = args.r
FastLanguageModel.get_peft_model(None, r=cfg.r)
