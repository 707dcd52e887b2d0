from .config import LORA_R

__all__ = ["LORA_R"]
