# expect: known 64
from contextlib import contextmanager
from unsloth import FastLanguageModel


@contextmanager
def setting():
    yield 64


with setting() as r:
    FastLanguageModel.get_peft_model(None, r=r)
