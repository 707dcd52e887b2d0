# expect: default 2 or unknown
import argparse
from unsloth import FastLanguageModel

xs = [1]
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
if parser.parse_args().n > 3:
    xs.append(1)
FastLanguageModel.get_peft_model(None, r=len(xs))
