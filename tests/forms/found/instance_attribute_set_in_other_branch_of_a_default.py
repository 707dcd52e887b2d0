# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel


class Config:
    r = 16


cfg = Config()
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
args = parser.parse_args()
if args.n > 3:
    pass
else:
    cfg.r = 64
FastLanguageModel.get_peft_model(None, r=cfg.r)
