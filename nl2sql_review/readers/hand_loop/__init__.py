"""Hand-written training loop: what its settings, its steps and its checkpoints are read from.

The code of a loop between its calls is not read, but for some tests. So a setting in no call is unknown here, and never
"does not apply".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ...interpret.core.recording import Call
from ...training_plan.facts import Fact
from ...training_plan.values import Place, Term, Unknown
from ..object_settings import last
from ..run import Run
from ..untrained import trains_nothing

if TYPE_CHECKING:
    import libcst as cst

OPTIMIZERS = (
    *("AdamW", "Adam", "SGD", "Adafactor", "Lion", "RMSprop", "NAdam", "RAdam", "Adagrad"),
    *("AdamW8bit", "Adam8bit", "PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit", "PagedLion8bit", "Lion8bit"),
    *("FusedAdam", "DeepSpeedCPUAdam"),
)


def trains(run: Run) -> bool:
    """Return whether the script trains in a loop of its own."""
    if run.trainer is not None or run.arguments or run.arguments.unknown or run.configuration is not None:
        return False
    return bool(run.backward) and not trains_nothing(run)


def unread(run: Run, what: str, at: Place | None = None) -> Fact:
    """Return the unknown fact of what the code between a loop's calls decides."""
    return Fact(Unknown(f"{what} is not evaluated in a custom training loop"), at=at or run.place)


def calls_of(run: Run, names: Collection[str]) -> list[Call]:
    """Return the calls of these names, not counting methods of an object that one of them made."""
    return [c for c in run.calls if last(c.callee) in names and "(" not in c.callee]


def last_of(run: Run, names: Collection[str]) -> Call | None:
    """Return the last call of one of these names, as `calls_of` counts them."""
    made = calls_of(run, names)
    return made[-1] if made else None


def is_step(call: Call, optimizer: Call) -> bool:
    """Return whether a call steps the optimizer that another one made: `optimizer.step()`, `scaler.step(optimizer)`."""
    if last(call.callee) != "step" or optimizer.result is None:
        return False
    return call.receiver is optimizer.result or is_given(call, optimizer)


def is_given(call: Call, made: Call) -> bool:
    """Return whether an argument of a call is the object that another one made."""
    text = getattr(made.result, "text", None)
    return bool(text) and any(isinstance(v, Term) and v.text == text for v in call.arguments.values())


def given(run: Run, call: Call | None, what: str, *names: str) -> Fact:
    """Return a setting by the first of these names that a call was given; unknown if none was."""
    if call is None:
        return unread(run, what)
    name = next((n for n in names if n in call.arguments), "")
    if not name:
        if call.unknown_arguments:
            return Fact(Unknown(f"{what} may be given: {call.unknown_arguments}"), at=call.place)
        return Fact(
            Unknown(f"{what} is left to the default of {last(call.callee)}, or set per parameter group"), at=call.place
        )
    return Fact(call.arguments[name], at=call.places.get(name, call.place), argument="" if name[0] == "$" else name)


def texts(run: Run) -> list[str]:
    """Return the text of the script and of the files of its `backward` calls."""
    sources = [run.source, *(c.place.source for c in run.backward)]
    return [getattr(source, "text", "") or "" for source in dict.fromkeys(sources)]


def enclosing_loops(call: Call) -> list[cst.CSTNode]:
    """Return the loops around a call in its own function, the outermost first."""
    import libcst as cst

    found: list[cst.CSTNode] = []
    for node in call.place.source.nodes.path(call.place.node):
        if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            found = []
        elif isinstance(node, (cst.For, cst.While)):
            found.append(node)
    return found


def innermost(call: Call) -> cst.CSTNode | None:
    """Return the innermost loop that runs a call, if any."""
    return call.turns[-1].loop if call.turns else None
