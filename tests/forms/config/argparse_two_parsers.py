# expect: default 64
import argparse
from unsloth import FastLanguageModel

a, b = argparse.ArgumentParser(), argparse.ArgumentParser()
a.add_argument("--r", type=int, default=64)
b.add_argument("--r", type=int, default=16)
FastLanguageModel.get_peft_model(None, r=a.parse_known_args()[0].r)
