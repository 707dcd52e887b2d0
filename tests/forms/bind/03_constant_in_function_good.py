# expect: known 16
from unsloth import FastLanguageModel

LORA_R = 16


def main():
    FastLanguageModel.get_peft_model(None, r=LORA_R)


main()
