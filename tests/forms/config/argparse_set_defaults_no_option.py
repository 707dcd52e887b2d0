# expect: known 64 or default 64
import argparse
from unsloth import FastLanguageModel

parser = argparse.ArgumentParser()
parser.set_defaults(r=64)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
