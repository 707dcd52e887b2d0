# expect: default 16 or unknown
import argparse
from unsloth import FastLanguageModel


def build(r):
    FastLanguageModel.get_peft_model(None, r=r)


parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_true")
if parser.parse_args().big:
    build(64)
else:
    build(16)
