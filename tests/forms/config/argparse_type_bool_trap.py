# expect: default True
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("--r", type=bool, default="False")
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
