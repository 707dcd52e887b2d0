# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

cfg = {"r": 16}
parser = argparse.ArgumentParser()
parser.add_argument("--key", default="r")
cfg[parser.parse_args().key] = 64
FastLanguageModel.get_peft_model(None, r=cfg["r"])
