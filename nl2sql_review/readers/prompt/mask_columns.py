"""Labels that a collator makes of a column that says which tokens are learnt: `torch.where(mask == 1, ids, -100)`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...source import Source
from ...training_plan.values import Known, Term, Unknown, Value
from ..derive import contents
from ..object_settings import objects
from .collated import defined
from .label_parts import Part, parts_of
from .tokens import added, concatenation, words
from .turns import elements

if TYPE_CHECKING:
    import libcst as cst

CHOICE = re.compile(r"(?:torch|np|numpy)\.where\((\w+) == ([01]), (\w+), -100\)")
# What a collator does to lists and tensors, besides filling them up, joining and cutting them
CHANGES = re.compile(r"[-~!<>^&|/%]|==|\bnot\b|\b(?:flip|roll|sort|sorted|reversed|where|logical_\w+)\(")
IN_PLACE = re.compile(r"\.(?:\w+_|extend|insert|pop|remove|reverse|sort|clear)$")
COUNT = re.compile(r"(?<=\*) (?:\w+|\((?:[^()]|\([^()]*\))*\))")
COLUMN = re.compile(r"\w\[[\"'](\w+)[\"']\]")
REPEATED = re.compile(r"\[([^\[\]]*)\] \* ")
SLICE = re.compile(r"\[([^\[\]]*:[^\[\]]*)\]")
NAME = re.compile(r"\b[A-Za-z_]\w*\b")


def labels_by_mask(collator: Value, columns: dict[str, Value]) -> Value | None:
    """Return the labels that a collator of the script's own makes of the rows' ids and a mask; None of any other."""
    functions = [defined(thing) for thing in objects(collator)]
    found = [mask_of(function[0], function[1]) if function is not None else None for function in functions]
    if len(found) != 1 or found[0] is None or found[0][0] not in columns or "labels" in columns:
        return None
    column, learnt = found[0]
    return chosen(columns[column], learnt)


def mask_of(source: Source, function: cst.FunctionDef | cst.Lambda) -> tuple[str, int] | None:
    """Return the column whose value tells the tokens that a collator leaves in the labels, and that value.

    Mask and ids are cut alike, and the mask is filled up with the other value.
    """
    import libcst as cst

    from ...source.syntax import walk

    made: dict[str, list[str]] = {}
    labels: list[str] = []
    for node in walk(function):
        if isinstance(node, cst.Assign):
            target = node.targets[0].target
            if isinstance(target, cst.Name) and target.value == "labels":
                labels.append(source.segment(node.value))
            elif isinstance(target, cst.Name):
                made.setdefault(target.value, []).append(source.segment(node.value))
            elif isinstance(target, cst.Subscript):
                return None
        elif isinstance(node, cst.AugAssign):
            return None
        elif isinstance(node, cst.Call) and IN_PLACE.search(source.segment(node.func)):
            return None
        elif isinstance(node, cst.Call) and node.args and source.segment(node.func).endswith(".append"):
            made.setdefault(source.segment(node.func).removesuffix(".append"), []).append(
                source.segment(node.args[0].value)
            )
    choice = CHOICE.fullmatch(labels[0]) if len(labels) == 1 else None
    if choice is None or source.segment(function).count("-100") != 1 or not hands_on(source.segment(function)):
        return None
    mask, ids = (came_from(name, made) for name in (choice[1], choice[3]))
    columns = [set(COLUMN.findall(code)) for code in (mask, ids)]
    learnt = int(choice[2])
    fills = {value.strip() for value in REPEATED.findall(mask)}
    cuts = [set(SLICE.findall(code)) for code in (mask, ids)]
    if any(CHANGES.search(COUNT.sub("", SLICE.sub("", code))) for code in (mask, ids)) or fronts(mask) != fronts(ids):
        return None
    if len(columns[0]) != 1 or columns[1] != {"input_ids"} or cuts[0] != cuts[1] or fills - {str(1 - learnt)}:
        return None
    return columns[0].pop(), learnt


def hands_on(code: str) -> bool:
    """Return whether a collator's only batch has the labels of that name."""
    given = re.findall(r"[\"']labels[\"']\s{0,9}:\s{0,9}([^,}\n]*)", code)
    return len(re.findall(r"\breturn\b", code)) == 1 and given == ["labels"]


def fronts(code: str) -> bool:
    """Return whether rows are filled up before their first token, and not behind the last one."""
    return any(REPEATED.match(line.strip()) for line in code.split("\n"))


def came_from(name: str, made: dict[str, list[str]]) -> str:
    """Return the code of all values that a name is given, and of those of the names in it."""
    code, waiting, seen = [], [name], set()
    while waiting:
        if (one := waiting.pop()) in seen:
            continue
        seen.add(one)
        own = [value for value in made.get(one, ()) if not value.startswith(("len(", "min(", "max("))]
        code += own
        waiting += [other for value in own for other in NAME.findall(re.sub(r"\* \w+|\[:[^\[\]]*\]", "", value))]
    return "\n".join(code)


def chosen(mask: Value, learnt: int) -> Value | None:
    """Return the labels of ids beside a mask of as many numbers, `[0] * len(prompt) + [1] * len(answer)`."""
    grown = elements(mask)
    if not grown:
        return row_of(parts_of(concatenation(mask)), learnt)
    rows = [row_of(parts_of(added(element)), learnt) for element in grown]
    if not isinstance(mask, Unknown) or None in rows:
        return None
    position = Term("i", "symbol")
    labels = [
        Term(f"{row.text}[i]", "item", (row, position), element.trace)
        for row, element in zip(rows, grown)
        if row is not None
    ]
    return Unknown(mask.why, mask.trace, labels)


def row_of(parts: list[Part], learnt: int) -> Term | None:
    """Return some labels: as many -100 as ids are hidden, and the ids that are not."""
    whole: Term | None = None
    for part in parts:
        value, length = contents(part.ids), part.count
        if value not in ([0], [1]) or not isinstance(length, Term) or not length.text.startswith("len("):
            return None
        one = length.args[0] if value == [learnt] else Term(f"[-100] * {length.text}", "op", (Known([-100]), length))
        if not isinstance(one, Term):
            return None
        whole = one if whole is None else Term(f"{words(whole)} + {words(one)}", "op", (whole, one), one.trace)
    return whole
