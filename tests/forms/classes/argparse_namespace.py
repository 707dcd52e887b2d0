# expect: known 64
from argparse import Namespace
from unsloth import FastLanguageModel

cfg = Namespace(r=64)
FastLanguageModel.get_peft_model(None, r=vars(cfg)["r"])
