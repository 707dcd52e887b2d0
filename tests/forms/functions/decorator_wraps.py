# expect: known 64
import functools
from unsloth import FastLanguageModel


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@logged
def rank(n):
    return n * 4


FastLanguageModel.get_peft_model(None, r=rank(16))
