# expect: known 64
from unsloth import FastLanguageModel

class Small:
    r = 16


class Large:
    r = 64


FastLanguageModel.get_peft_model(None, r={"small": Small, "large": Large}["large"]().r)
