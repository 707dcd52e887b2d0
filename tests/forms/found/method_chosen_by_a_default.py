# expect: default 64 or unknown or either 16 64
import argparse
from unsloth import FastLanguageModel


class C:
    def large(self):
        return 64

    def small(self):
        return 16


parser = argparse.ArgumentParser()
parser.add_argument("--big", action="store_false")
c = C()
rank = c.large if parser.parse_args().big else c.small
FastLanguageModel.get_peft_model(None, r=rank())
