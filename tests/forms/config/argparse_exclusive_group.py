# expect: default 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
group = parser.add_mutually_exclusive_group()
group.add_argument("--r", type=int, default=64)
group.add_argument("--full", action="store_true")
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
