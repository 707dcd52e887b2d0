# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel


class Parser(argparse.ArgumentParser):
    def __init__(self):
        super().__init__()
        self.add_argument("--r", type=int, default=64)


FastLanguageModel.get_peft_model(None, r=Parser().parse_args().r)
