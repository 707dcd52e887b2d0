# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel


class C:
    r = 16


o = C()
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
if parser.parse_args().n > 3:
    o.r = 64
FastLanguageModel.get_peft_model(None, r=o.r)
