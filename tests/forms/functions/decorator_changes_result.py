# expect: known 64
from unsloth import FastLanguageModel

def doubled(function):
    def wrapper(n):
        return function(n) * 2

    return wrapper


@doubled
def rank(n):
    return n


FastLanguageModel.get_peft_model(None, r=rank(32))
