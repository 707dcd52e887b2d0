# expect: known 64
import sys
from unsloth import FastLanguageModel


def main():
    FastLanguageModel.get_peft_model(None, r=64)
    return 0


if __name__ == "__main__":
    sys.exit(main())
