# expect: default 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("-r", "--rank", dest="lora_r", type=int, default=64)
args = parser.parse_args()
FastLanguageModel.get_peft_model(None, r=args.lora_r)
