"""Model of importlib: modules imported by name."""

from __future__ import annotations

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import model
from ...core.model_call import ModelCall
from ...core.objects import Builtin, Opaque
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS


@model("importlib.import_module")
def import_module(call: ModelCall) -> Value:
    """Return a module of the project, executed, or the name of a library."""

    def one(name: Value) -> Value:
        if not isinstance(name, Known) or not isinstance(name.value, str):
            return Unknown(f"a module whose name is known only at run time: {describe(name)}")
        word = name.value
        if word.startswith("."):
            package = call.arguments.get(1, "package")
            base = (
                package.value
                if isinstance(package, Known) and isinstance(package.value, str)
                else call.machine.frame.scope.module.package
            )
            up = len(word) - len(word.lstrip("."))
            parts = base.split(".") if base else []
            word = ".".join([*parts[: len(parts) - up + 1], word.lstrip(".")])
        module = call.machine.import_module(word)
        return Known(module) if module is not None else Known(Opaque(word))

    return lift(one, call.arguments.get(0, "name"))


def by_name(call: ModelCall) -> Value:
    """Return the result of `__import__("a.b")`, which is `a`."""
    name = call.arguments.get(0, "name")
    if (
        not isinstance(name, Known)
        or not isinstance(name.value, str)
        or not isinstance(call.arguments.get(3, "fromlist"), Absent)
    ):
        return Unknown("a module whose name is known only at run time")
    module = call.machine.import_module(name.value)
    top = name.value.split(".")[0]
    return Known(call.machine.modules[top]) if module is not None else Known(Opaque(top))


BUILTINS["__import__"] = Known(Builtin("__import__", by_name))


@model("importlib.reload")
def reload(call: ModelCall) -> Value:
    return call.arguments.get(0, "module")
