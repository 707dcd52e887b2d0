# expect: known 64
def main():
    from unsloth import FastLanguageModel

    FastLanguageModel.get_peft_model(None, r=64)


main()
