"""Models of the Python functions that training scripts use. Importing this package registers them all."""

from .commandline import (  # noqa: F401
    absl_flags,
    argparse,
    argparse_namespace,
    click,
    dataclass_parsers,
    fire,
    hf_argument_parser,
    process,
    typer,
)
from .config import attribute_dicts, configparser, configuration, hydra, omegaconf, pydantic, structure  # noqa: F401
from .data import datasets, frames, rows, sources, written  # noqa: F401
from .files import lookup, os_paths, paths, streams  # noqa: F401
from .standard import (  # noqa: F401
    generated,
    imports,
    iteration,
    prompt_templates,
    sampling,
    signatures,
    small_parts,
    text,
)
from .training import modules, stack, trl_config  # noqa: F401
