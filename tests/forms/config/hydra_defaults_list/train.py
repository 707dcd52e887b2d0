# expect: default 64
import hydra
from unsloth import FastLanguageModel


@hydra.main(config_path="conf", config_name="config.yaml")
def main(cfg):
    FastLanguageModel.get_peft_model(None, r=cfg["lora"]["r"])


main()
