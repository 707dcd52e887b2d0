# expect: default True
import argparse
from unsloth import FastLanguageModel


def to_bool(text):
    return text.lower() in ("yes", "true")


parser = argparse.ArgumentParser()
parser.add_argument("--r", type=to_bool, default="yes")
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
