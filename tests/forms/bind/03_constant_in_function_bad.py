# expect: known 64
from unsloth import FastLanguageModel

LORA_R = 64


def main():
    FastLanguageModel.get_peft_model(None, r=LORA_R)


main()
