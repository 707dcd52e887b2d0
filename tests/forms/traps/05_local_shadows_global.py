# expect: known 16
from unsloth import FastLanguageModel

R = 64


def main():
    R = 16
    FastLanguageModel.get_peft_model(None, r=R)


main()
