"""Other code of a script that reads the names, or contains the path, of a setting that is to be removed or changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from ..judgement.judge import Examined
from ..source.syntax import dotted, walk
from ..training_plan.values import Place
from .names import expressions, is_target, laid_out, last_name
from .uses import TELL

# Calls that write to a path, and those that make a path of others.
WRITERS = frozenset("save_pretrained save_pretrained_merged save_model push_to_hub makedirs mkdir info".split())
JOINS = frozenset("os.path.join str Path pathlib.Path os.path.abspath".split())


def read_elsewhere(examined: Examined, place: Place) -> bool:
    """Return whether every name that an argument's code reads is also read elsewhere.

    If not, the setting would have no effect once the argument has another value.
    """
    names = _read_in(place)
    return not names or names <= {last_name(node) for node, _ in _others(examined, place, names)}


def looked_for(examined: Examined, place: Place) -> bool:
    """Return whether other code may look for a path by a name that an argument's code reads.

    Code that only writes to the path or logs it does not look for what the trainer writes.
    """
    return any(not _writes(node, parents) for node, parents in _others(examined, place, _read_in(place)))


def mentioned(examined: Examined, value: str, own: Iterable[cst.CSTNode]) -> bool:
    """Return whether a path occurs in, or begins, another text of the script that is not only written to or logged.

    `own` are the nodes that set it.
    """
    path = value.strip().removeprefix("./").rstrip("/")
    if not path:
        return True
    source = examined.text_source
    word = re.compile(rf"(?<![\w./-])(?:\./)?{re.escape(path)}(?![\w-])")
    if source.kind == "configuration":
        return len(word.findall(source.text)) > 1
    skipped = {id(node) for place in own for node in walk(place)}
    shell = (line for line in source.text.splitlines() if line.lstrip().startswith(("!", "%")))
    if any(map(word.search, shell)):
        return True
    docs = {id(node.value) for node in walk(source.tree) if isinstance(node, cst.Expr)}
    for node in walk(source.tree):
        if id(node) in skipped or id(node) in docs:
            continue
        if isinstance(node, (cst.SimpleString, cst.FormattedStringText)) and word.search(node.value.strip("rRbBuU'\"")):
            if not _writes(node, source.nodes.parents):
                return True
    return False


def _others(examined: Examined, place: Place, names: set[str]) -> Iterator[tuple[cst.CSTNode, dict[int, cst.CSTNode]]]:
    """Yield the other nodes that read a name that an argument's code reads, with the parent of each node."""
    inner = {id(node) for node in walk(place.node)}
    for source in {id(s): s for s in (examined.text_source, place.source)}.values() if names else ():
        nodes, parents, _ = laid_out(source.tree)
        for node in nodes:
            if last_name(node) in names and id(node) not in inner and not is_target(node, parents.get(id(node))):
                yield node, parents


def _writes(node: cst.CSTNode, parents: dict[int, Any]) -> bool:
    """Return whether the value of a node is passed to a call that only writes there or logs it."""
    one: Any = node
    while (parent := parents.get(id(one))) is not None and not isinstance(parent, (cst.BaseStatement, cst.Expr)):
        if isinstance(parent, cst.Call) and isinstance(one, cst.Arg):
            callee = dotted(parent.func)
            if one.keyword is not None and one.keyword.value == "logging_dir":
                return True
            if callee == "print" or callee.startswith(TELL[1:]) or callee.rpartition(".")[2] in WRITERS:
                return True
            if callee not in JOINS:
                return False
        one = parent
    return False


def _read_in(place: Place) -> set[str]:
    return {name for node in expressions(place.node.value) if (name := last_name(node))}
