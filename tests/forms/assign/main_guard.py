# expect: known 64
from unsloth import FastLanguageModel

r = 16
if __name__ == "__main__":
    r = 64
FastLanguageModel.get_peft_model(None, r=r)
