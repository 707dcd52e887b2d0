# expect: default 64 or either 16 64 or unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--size", default="large")
match parser.parse_args().size:
    case "large":
        r = 64
    case _:
        r = 16
FastLanguageModel.get_peft_model(None, r=r)
