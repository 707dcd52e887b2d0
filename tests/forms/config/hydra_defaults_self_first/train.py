# expect: default 8
import hydra
from unsloth import FastLanguageModel


@hydra.main(config_path="conf", config_name="config")
def main(cfg):
    FastLanguageModel.get_peft_model(None, r=cfg.lora.alpha)


main()
