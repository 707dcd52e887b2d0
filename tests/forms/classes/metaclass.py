# expect: known 64 or unknown
from unsloth import FastLanguageModel

class Meta(type):
    def __new__(mcls, name, bases, body):
        body["r"] = 64
        return super().__new__(mcls, name, bases, body)


class C(metaclass=Meta):
    r = 16


FastLanguageModel.get_peft_model(None, r=C.r)
