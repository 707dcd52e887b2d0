"""Whether a dataset that fails to load is skipped while its weight stays: read from the syntax of the loop."""

from __future__ import annotations

import re

import libcst as cst

from ...interpret.core.recording import Call
from ...source import Source
from ...source.literals import is_variable
from ...source.syntax import all_of, dotted, statements, walk
from ...training_plan.values import Place
from ..run import Run


def skipped(run: Run, call: Call) -> Place | None:
    """The place where a dataset may be left out of the list that is mixed, while its weight stays in the other list.

    Read from the syntax: a loop over the configurations that appends to the list only if nothing fails, and weights
    that are not collected in that loop. None when there is no such loop.
    """
    node = call.place.node
    if not isinstance(node, cst.Call):
        return None
    listed, weights = _argument(node, 0, "datasets"), _argument(node, 1, "probabilities")
    if not isinstance(listed, cst.Name) or not (is_variable(weights) or isinstance(weights, (cst.ListComp, cst.List))):
        return None
    source: Source = call.place.source
    if f"{listed.value}.append" not in source.text and f"{listed.value}.extend" not in source.text:
        return None
    names = _behind(source, weights)
    for loop in source.nodes.of(cst.For):
        if not _appends(loop.body, listed.value):
            continue
        beside = next((name for name in names if _appends(loop.body, name)), "")
        if beside and _in_step(loop.body, listed.value, beside):
            return None
        guard = next(
            (
                n
                for n in statements(loop.body)
                if isinstance(n, cst.Try) and _survives(n) or isinstance(n, cst.If) and _skips(n)
            ),
            None,
        )
        if guard is not None:
            return Place(source, guard.handlers[0] if isinstance(guard, cst.Try) else guard.test)
    return None


def _behind(source: Source, weights: cst.BaseExpression | None) -> list[str]:
    """The lists that the weights are made of: `shares` of `[share / whole for share in shares]`, under any name."""
    made_of: dict[str, list[cst.BaseExpression]] = {}
    for line in source.nodes.of(cst.Assign):
        for target in line.targets:
            made_of.setdefault(dotted(target.target), []).append(line.value)
    found: list[str] = []
    waiting = [weights] if weights is not None else []
    while waiting and len(found) < 20:
        for name in all_of(cst.Name, waiting.pop()):
            if name.value not in found:
                found.append(name.value)
                waiting += made_of.get(name.value, ())
    return found


def _in_step(body: cst.BaseSuite, listed: str, weights: str) -> bool:
    """Whether each turn of a loop appends to both lists or to neither, also where something in it fails."""
    suites = [body, *(b for n in statements(body) if isinstance(b := getattr(n, "body", None), cst.IndentedBlock))]
    suites += [n.orelse.body for n in statements(body) if isinstance(n, cst.Try) and n.orelse is not None]
    for suite in suites:
        lines = list(suite.body)
        at = {name: next((i for i, s in enumerate(lines) if _adds(s, name)), -1) for name in (listed, weights)}
        if -1 in at.values():
            continue
        first, second = sorted((at[listed], at[weights]))
        return not any(_may_fail(line, listed, weights) for line in lines[first + 1 : second + 1])
    for node in statements(body):  # in the `else` of the try that fills the other
        if isinstance(node, cst.Try) and node.orelse is not None and _appends(node.body, listed):
            return _appends(node.orelse.body, weights)
    return False


def _adds(line: cst.CSTNode, name: str) -> bool:
    calls = all_of(cst.Call, line) if isinstance(line, cst.SimpleStatementLine) else ()
    return any(dotted(one.func) == f"{name}.append" for one in calls)


def _may_fail(line: cst.CSTNode, *lists: str) -> bool:
    """Whether a statement calls anything but `append` of these lists and the log."""
    calls = [dotted(one.func) for one in all_of(cst.Call, line)]
    quiet = {f"{name}.append" for name in lists}
    return any(c not in quiet and not re.match(r"print$|log(ger|ging)?\.|len$", c) for c in calls)


def _argument(call: cst.Call, index: int, name: str) -> cst.BaseExpression | None:
    for i, arg in enumerate(call.args):
        if arg.keyword is not None and arg.keyword.value == name or arg.keyword is None and i == index and not arg.star:
            return arg.value
    return None


def _appends(body: cst.BaseSuite, name: str) -> bool:
    return any(dotted(call.func) in (f"{name}.append", f"{name}.extend") for call in all_of(cst.Call, body))


def _survives(node: cst.Try) -> bool:
    """Whether an exception ends in the next turn of the loop rather than in the end of the program."""
    return any(not any(isinstance(n, cst.Raise) or _exits(n) for n in walk(h.body)) for h in node.handlers)


def _exits(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and (
        isinstance(node.func, cst.Attribute)
        and node.func.attr.value in ("exit", "_exit")
        or isinstance(node.func, cst.Name)
        and node.func.value in ("exit", "quit")
    )


def _skips(node: cst.If) -> bool:
    return any(isinstance(n, cst.Continue) for n in statements(node.body))
