# expect: known 34
from unsloth import FastLanguageModel

def plus(function):
    return lambda: function() + 2


def twice(function):
    return lambda: function() * 2


@plus
@twice
def rank():
    return 16


FastLanguageModel.get_peft_model(None, r=rank())
