# expect: known 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--lora_r", type=int, default=16)
FastLanguageModel.get_peft_model(None, r=parser.parse_args(["--lora_r=64"]).lora_r)
