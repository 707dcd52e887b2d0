# expect: unknown or either 16 64
import sys
from unsloth import FastLanguageModel


class C:
    r = 16


c = C()
setattr(c, sys.argv[0][:0] + "r", 64)
FastLanguageModel.get_peft_model(None, r=c.r)
