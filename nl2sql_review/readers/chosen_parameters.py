"""Which parameters a write of `requires_grad` reaches: by the loop and the tests that it stands in."""

from __future__ import annotations

import re

from ..interpret.core.recording import Call
from ..training_plan.values import Default, Known
from .object_settings import last, objects

ADAPTERS_NAME = re.compile(r"""["']\.?lora\w*\.?["'] in \w+(?:\.lower\(\))?""")


def of_every_parameter(call: Call) -> bool:
    """Return whether the write is to the variable of a loop over all parameters of a model."""
    return parameters_of(call) is not None


def parameters_of(call: Call) -> Call | None:
    """Return the call of `parameters()` whose elements are written to, if it is one."""
    one = call.receiver
    for _ in range(4):
        maker = getattr(one, "call", None)
        if maker is not None:
            return maker if last(maker.callee) in ("parameters", "named_parameters") else None
        if getattr(one, "operation", "") != "item" or not one.args:
            return None
        one = next(objects(one.args[0]), None)
    return None


def decides(call: Call) -> str:
    """Return what decides whether parameters are written to at all, "" if they are: the condition around the loop."""
    around = parameters_of(call) or call
    return around.condition or "the path taken" if around.conditional else ""


def freezes(call: Call, tests: list[str]) -> bool:
    """Return whether a write turns off the gradients of the adapter's parameters too."""
    value = next(iter(call.arguments.values()), Known(True))
    off = isinstance(value, (Known, Default)) and value.value is False
    return off and (not tests or only_of_adapters(call))


def only_of_adapters(call: Call) -> bool:
    """Return whether a statement is for the adapters' parameters alone, as under `if "lora" in name:`."""
    import libcst as cst

    source = call.place.source
    path = source.nodes.path(call.place.node)
    tests = [
        source.segment(outer.test)
        for outer, inner in zip(path, path[1:])
        if isinstance(outer, cst.If) and inner is outer.body
    ]
    return any(ADAPTERS_NAME.fullmatch(test) for test in tests)


def guards(call: Call) -> list[str]:
    """Return the tests between the loop and the statement, as code."""
    import libcst as cst

    from ..source.syntax import walk

    path = call.place.source.nodes.path(call.place.node)
    loops = [i for i, n in enumerate(path) if isinstance(n, cst.For)]
    inner = path[loops[-1] :] if loops else path
    found = [call.place.source.segment(n.test) for n in inner if isinstance(n, cst.If)]
    body = inner[0].body if inner and isinstance(inner[0], cst.For) else None
    if body is not None:  # `if "lora" in name: continue` above it spares as well
        for n in walk(body):
            if isinstance(n, cst.If) and any(isinstance(k, cst.Continue) for k in walk(n.body)):
                found.append(call.place.source.segment(n.test))
    return found
