# expect: known 64
from unsloth import FastLanguageModel

class Top:
    r = 8


class Left(Top):
    pass


class Right(Top):
    r = 64


class Bottom(Left, Right):
    pass


FastLanguageModel.get_peft_model(None, r=Bottom.r)
