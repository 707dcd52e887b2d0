"""Flags of absl, and its `app.run(main)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Default, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import lift
from ...python.builtins import BUILTINS
from .click import EXIT
from .click_parameters import truth_of_word
from .process import of_line, spoken, started

if TYPE_CHECKING:
    import libcst as cst

KINDS = "integer float string bool boolean enum list multi_string multi_integer multi_float".split()


@model(*(f"absl.flags.DEFINE_{kind}" for kind in KINDS))
def define_flag(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    name, default = plain(args.get(0, "name")), args.get(1, "default")
    kind = call.callee.rsplit("_", 1)[-1]
    by = f"--{name}"
    if plain(args.get(None, "required")) is True:
        value: Value = Unknown(f"{by} is required: only the command line gives it")
    elif kind in ("integer", "float") and not call.callee.startswith("absl.flags.DEFINE_multi"):
        value = demote(
            lift(
                lambda v: (
                    v
                    if not isinstance(v, Known) or v.value is None
                    else m.call(BUILTINS["int" if kind == "integer" else "float"], Arguments([v]), call.node)
                ),
                default,
            ),
            by,
        )
    elif (
        kind in ("list", "string")
        and isinstance(plain(default), str)
        and call.callee.endswith(("_list", "multi_string"))
    ):
        words = [w.strip() for w in plain(default).split(",")] if kind == "list" else [plain(default)]
        value = demote(Known(Sequence(tuple(Known(w) for w in words), "list")), by)
    else:
        value = demote(default, by)
    if (word := spoken(m, (by,), kind not in ("bool", "boolean"))) is not None:
        value = value_of_flag(m, kind, word, call.node)
    elif (line := started(m)) is not None and isinstance(value, Default) and not line.overridable:
        value = Known(value.value, value.trace)
    flags = object_of(m.shared["absl.flags.FLAGS"].value)
    if isinstance(name, str):
        m.write(flags, "state", Items({**flags.state.items, name: value}))
    return Known(Mapping({"value": value, "default": default}, "", "namespace"))


def value_of_flag(m: Machine, kind: str, word: Value, node: cst.CSTNode | None) -> Value:
    """Return the word given to a flag of absl, in the flag's type."""
    if kind in ("integer", "float"):
        word = m.call(BUILTINS["int" if kind == "integer" else "float"], Arguments([word]), node)
    elif kind in ("bool", "boolean"):
        word = lift(truth_of_word, word)
    elif kind not in ("string", "enum"):
        return Unknown(f"a flag of absl that takes a {kind}")
    return of_line(m, word)


@model("absl.app.run")
def run_main(call: ModelCall) -> Value:
    call.machine.call(call.arguments.get(0, "main"), Arguments([Known(Opaque("sys.argv"))]), call.node)
    return Known(Opaque("app.run()", EXIT))
