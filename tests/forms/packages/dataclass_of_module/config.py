from dataclasses import dataclass


@dataclass
class Config:
    r: int = 16
