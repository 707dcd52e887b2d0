# expect: known 32
import operator
from functools import reduce

from unsloth import FastLanguageModel

r = operator.mul(operator.add(1, 3), 2)
r = reduce(operator.mul, [r, 2, 2])
FastLanguageModel.get_peft_model(None, r=r)
