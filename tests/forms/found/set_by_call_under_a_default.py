# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel


class C:
    r = 16


o = C()


def enlarge():
    setattr(o, "r", 64)


parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=4)
args = parser.parse_args()
if args.n > 3:
    enlarge()
FastLanguageModel.get_peft_model(None, r=o.r)
