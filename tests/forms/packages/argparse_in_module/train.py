# expect: default 64
from options import parse
from unsloth import FastLanguageModel

args = parse()
FastLanguageModel.get_peft_model(None, r=args.r)
