# expect: default 64
import hydra
from omegaconf import DictConfig
from unsloth import FastLanguageModel


@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg: DictConfig) -> None:
    FastLanguageModel.get_peft_model(None, r=cfg.lora.r)


if __name__ == "__main__":
    main()
