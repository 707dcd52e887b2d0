"""Models of the Python functions that training scripts use. Importing this package registers them all."""

from .commandline import argparse, argparse_namespace, click, dataclass_parsers, function_parsers, process  # noqa: F401
from .config import attribute_dicts, configuration, hydra, omegaconf, pydantic, structure  # noqa: F401
from .data import datasets, frames, written  # noqa: F401
from .files import os_paths, paths, streams  # noqa: F401
from .standard import generated, imports, iteration, prompt_templates, sampling, signatures, small_parts, text  # noqa: F401
from .training import stack, trl_config  # noqa: F401
