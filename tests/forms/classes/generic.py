# expect: known 64
from typing import Generic, TypeVar
from unsloth import FastLanguageModel

T = TypeVar("T")


class C(Generic[T]):
    r = 64


FastLanguageModel.get_peft_model(None, r=C[int]().r)
