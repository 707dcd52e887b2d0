"""Tests for a checkpoint before the training: what they say, and of which directory."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..interpret.core.operations import describe
from ..interpret.core.recording import Call
from ..training_plan.values import same
from .derive import plain
from .object_settings import last
from .run import Run

if TYPE_CHECKING:
    import libcst as cst

SEARCH = re.compile(r"listdir|scandir|iterdir|glob|os\.walk|get_last_checkpoint|checkpoint-")
EXISTS = re.compile(r"\b(isdir|exists|is_dir)\b")
# The directory that is searched, or else the path that must exist, where it is written out: all of it if the quote
# follows, else the beginning of one. A path object begins the pattern that its method is given.
SEARCHED = re.compile(
    r"(?<![)\]]\.)\b(get_last_checkpoint|listdir|scandir|i?glob|walk|Path)\(\s*'([^'*?\[]*)(.)", re.DOTALL
)
# A pattern for several directories, below the directory that a path before it names.
OF_MANY = re.compile(r"(?:\bPath\('([^']*)'\)\.|\b)i?glob\(\s*'([^'*?\[]+)[*?\[][^'/]*/")
TESTED = re.compile(r"(?:isdir|isfile|exists)\(\s*'([^']*)")
PRESENT, ABSENT = "present", "absent"
NONE_FOUND = re.compile(r"(?: == (?:0|\[\]|None|False)| is (?:None|False)| < 1)$")


def says(test: str) -> str:
    """Return whether a test holds if there is a checkpoint ("present"), or if there is none ("absent"); "" if unclear.

    Of several tests joined by `and`, a search counts more than whether a directory exists.
    """
    parts = joined_tests(test)
    looking = [part for part in parts if SEARCH.search(part)] or [part for part in parts if EXISTS.search(part)]
    found = {one_says(part) for part in looking}
    return found.pop() if len(found) == 1 else ""


def one_says(test: str) -> str:
    negated = False
    while True:
        test = without_parentheses(test)
        if test.startswith("not "):
            negated, test = not negated, test[4:]
        elif NONE_FOUND.search(test):
            negated, test = not negated, NONE_FOUND.sub("", test)
        else:
            return "" if " and " in test or " or " in test else ABSENT if negated else PRESENT


def joined_tests(test: str) -> list[str]:
    """Return the tests that `and` joins, outside of parentheses."""
    parts, depth = [""], 0
    for word in re.split(r"( and )", without_parentheses(test)):
        if word == " and " and not depth:
            parts.append("")
            continue
        depth += sum(map(word.count, "([{")) - sum(map(word.count, ")]}"))
        parts[-1] += word
    return parts


def without_parentheses(test: str) -> str:
    """Return a test without parentheses around the whole of it."""
    while test.startswith("(") and test.endswith(")"):
        depth, inner = 0, test[1:-1]
        for letter in inner:
            depth += (letter == "(") - (letter == ")")
            if depth < 0:
                return test
        test = inner
    return test


def runs_otherwise(call: Call) -> bool:
    """Return whether a call runs if the condition that is noted for it does not hold.

    A call without an `if` of its own may stand behind one that leaves the function: it has the benefit of the doubt.
    """
    import libcst as cst

    for outer, inner in outwards(call):
        if isinstance(outer, (cst.If, cst.IfExp)):
            return inner is outer.orelse
    return says(call.condition) == ABSENT


def outwards(call: Call) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    """Yield each node around a call in its own function with its part that holds the call, the innermost first."""
    import libcst as cst

    path = call.place.source.nodes.path(call.place.node)
    for outer, inner in zip(path[-2::-1], path[:0:-1]):
        if isinstance(outer, (cst.FunctionDef, cst.Lambda)):
            return
        yield outer, inner


def searches_elsewhere(run: Run, text: str) -> bool:
    """Return whether checkpoints are looked for only in directories that this run does not write to."""
    mine = plain(run.arguments.value("output_dir"))
    found = {path: end == "'" and by != "Path" for by, path, end in SEARCHED.findall(text)}
    found = found or dict.fromkeys(TESTED.findall(text), True)
    if not found or not isinstance(mine, str) or not mine.strip("./") or "\0" in mine:
        return False
    own = posixpath.normpath(mine)
    return any(found) and not any(may_lie_in(one, own, whole) for one, whole in found.items() if one)


def searches_others_too(run: Run, text: str) -> bool:
    """Return whether a pattern reaches beyond the directory of this run, as `runs/*/checkpoint-*` does."""
    own = plain(run.arguments.value("output_dir"))
    begins = [posixpath.normpath(posixpath.join(found[1] or "", found[2])) for found in OF_MANY.finditer(text)]
    return any(not isinstance(own, str) or not f"{one}/".startswith(f"{posixpath.normpath(own)}/") for one in begins)


def may_lie_in(path: str, own: str, whole: bool) -> bool:
    """Return whether a path may be the directory `own` or lie in it, also if it is only the beginning of one."""
    start, cut, _ = path.partition("…")
    one = posixpath.normpath(start)
    if (cut or not whole) and own.startswith(one):
        return True
    return not cut and ((one + "/").startswith(own + "/") or own.endswith("/" + one))


def directory_exists(run: Run, text: str) -> bool:
    """Return whether `get_last_checkpoint` surely returns: it fails only if the output directory is missing.

    The script makes the directory, or the trainer does when it is created; or the script handles the error.
    """
    if any(makes(c) and describe(c.get("name", "path", "$0")) in text for c in run.calls):
        return True
    asked = next((c for c in run.calls if last(c.callee) == "get_last_checkpoint"), None)
    if asked is None or handled(asked):
        return asked is not None
    if run.trainer is None or asked.order < run.trainer.order:
        return False
    return same(asked.get("folder"), run.arguments.value("output_dir"))


def makes(call: Call) -> bool:
    """Return whether a call makes a directory for certain, or if the directory is missing."""
    if last(call.callee) not in ("makedirs", "mkdir"):
        return False
    path = describe(call.get("name", "path", "$0"))
    return call.certain or says(call.condition) == ABSENT and path in call.condition


def handled(call: Call) -> bool:
    """Return whether a call stands in a `try` of its function that raises no error of its own."""
    import libcst as cst

    from ..source.syntax import walk

    for outer, inner in outwards(call):
        if isinstance(outer, cst.Try) and inner is outer.body and outer.handlers:
            return not any(isinstance(node, cst.Raise) for one in outer.handlers for node in walk(one))
    return False
