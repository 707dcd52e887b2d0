# expect: known 16
import copy
from unsloth import FastLanguageModel


class C:
    r = 8


a = C()
a.r = 16
b = copy.copy(a)
b.r = 64
FastLanguageModel.get_peft_model(None, r=a.r)
