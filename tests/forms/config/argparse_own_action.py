# expect: default 64 or unknown
import argparse
from unsloth import FastLanguageModel


class Double(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values * 2)


parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, action=Double, default=64)
FastLanguageModel.get_peft_model(None, r=parser.parse_args().r)
