# expect: default 64 or unknown or either 16 64
import argparse
from unsloth import FastLanguageModel

cfg = {"r": 16}
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
parser.parse_args().n > 3 and cfg.update(r=64)
FastLanguageModel.get_peft_model(None, r=cfg["r"])
