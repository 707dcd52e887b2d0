# expect: known 64
import yaml
from unsloth import FastLanguageModel


def load_config(path="config.yaml"):
    with open(path, "r") as stream:
        return yaml.safe_load(stream)


def main():
    config = load_config()
    lora = config["lora"]
    FastLanguageModel.get_peft_model(None, r=int(lora["r"]))


main()
