"""Reviews NL2SQL fine-tuning scripts without running them."""

__version__ = "0.1.0"
