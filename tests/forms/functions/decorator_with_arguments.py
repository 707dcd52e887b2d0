# expect: known 64
from unsloth import FastLanguageModel

def times(factor):
    def decorate(function):
        return lambda n: function(n) * factor

    return decorate


@times(4)
def rank(n):
    return n


FastLanguageModel.get_peft_model(None, r=rank(16))
