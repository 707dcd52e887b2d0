# expect: unknown
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.add_argument("r", type=int)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
