"""Models of the Python that training scripts use. Importing this package registers them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..machine import Machine, place_of
from ..objects import Scope
from . import (  # noqa: F401 (importing registers)
    argparse,
    argparse_namespace,
    attribute_dicts,
    click,
    configuration,
    dataclass_parsers,
    datasets,
    files,
    frames,
    function_parsers,
    generated,
    hydra,
    imports,
    iteration,
    omegaconf,
    os_paths,
    paths,
    process,
    pydantic,
    sampling,
    signatures,
    stack,
    standard,
    structure,
    text,
)

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
