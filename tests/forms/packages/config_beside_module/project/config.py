from pathlib import Path

import yaml


def load():
    return yaml.safe_load((Path(__file__).parent / "lora.yaml").read_text())
