"""Models of the Python that training scripts use. Importing this package registers them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.machine import Machine, place_of
from ..core.objects import Scope
from .commandline import argparse, argparse_namespace, click, dataclass_parsers, function_parsers, process  # noqa: F401
from .config import attribute_dicts, configuration, hydra, omegaconf, pydantic, structure  # noqa: F401
from .data import datasets, frames  # noqa: F401
from .files import os_paths, paths, streams  # noqa: F401
from .standard import generated, imports, iteration, sampling, signatures, small_parts, text  # noqa: F401
from .training import stack, trl_config  # noqa: F401

if TYPE_CHECKING:
    import libcst as cst


def wire(m: Machine) -> None:
    """Hooks of the machine that models answer."""
    m.generated_method = lambda *args: generated.generated_method(m, *args)
    m.build_model = lambda *args: pydantic.build(m, *args)
    m.supposed_parameter = lambda *args: dataclass_parsers.supposed_parameter(m, *args)
    m.shared = process.start(m)
    m.imported = lambda node, scope, names: imported(m, node, scope, names)
    m.called = lambda *args: stack.called(m, *args)
    m.after_construction = lambda *args: stack.after_construction(m, *args)


def imported(m: Machine, node: cst.CSTNode | None, scope: Scope, names: list[str]) -> None:
    """Keep every imported name with its place: the order of imports matters to Unsloth."""
    if not m.silent:
        m.recording.imports.extend((name, place_of(scope, node)) for name in names)
