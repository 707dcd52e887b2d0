# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel

presets = {"small": {"r": 16}, "large": {"r": 64}}
parser = argparse.ArgumentParser()
parser.add_argument("--size", default="large")
FastLanguageModel.get_peft_model(None, r=presets[parser.parse_args().size]["r"])
