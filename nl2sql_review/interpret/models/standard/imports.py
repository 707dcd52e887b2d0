"""importlib: modules that are imported by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.objects import Arguments, Builtin, Opaque
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS

if TYPE_CHECKING:
    import libcst as cst


@model("importlib.import_module")
def import_module(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    """A module of the project, executed, or the name of a library."""

    def one(name: Value) -> Value:
        if not isinstance(name, Known) or not isinstance(name.value, str):
            return Unknown(f"a module whose name only the run knows: {describe(name)}")
        word = name.value
        if word.startswith("."):
            package = args.get(1, "package")
            base = (
                package.value
                if isinstance(package, Known) and isinstance(package.value, str)
                else m.frame.scope.module.package
            )
            up = len(word) - len(word.lstrip("."))
            parts = base.split(".") if base else []
            word = ".".join([*parts[: len(parts) - up + 1], word.lstrip(".")])
        module = m.import_module(word)
        return Known(module) if module is not None else Known(Opaque(word))

    return lift(one, args.get(0, "name"))


def by_name(m: Machine, args: Arguments, node: cst.CSTNode | None) -> Value:
    """__import__("a.b") is a."""
    name = args.get(0, "name")
    if (
        not isinstance(name, Known)
        or not isinstance(name.value, str)
        or not isinstance(args.get(3, "fromlist"), Absent)
    ):
        return Unknown("a module whose name only the run knows")
    module = m.import_module(name.value)
    top = name.value.split(".")[0]
    return Known(m.modules[top]) if module is not None else Known(Opaque(top))


BUILTINS["__import__"] = Known(Builtin("__import__", by_name))


@model("importlib.reload")
def reload(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return args.get(0, "module")
