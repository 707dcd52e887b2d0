"""Lists that a loop over the messages of a conversation lengthens: in whose turns an element is added to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ...interpret.core.operations import PART
from ...training_plan.values import Place, Unknown, Value

if TYPE_CHECKING:
    import libcst as cst
    from typing_extensions import TypeGuard

FILLED = "filled in a loop"
ANSWER, OTHERS, ONE_OTHER = "the assistant's", "all others", "those of one other role"
EVERY, NOT_TOLD, BEFORE = "every turn", "not told", "before the turns"
IS_ANSWER = re.compile(r" (==|!=) [\"'](?:assistant|gpt|model|bot)[\"']$")
IS_OTHER = re.compile(r" (?:==|in) ([\[({\"'][\w\"', ]*(?:user|human|system)[\w\"', ]*[\])}\"'])$")
IN_SET = re.compile(r"^(\w+) (not )?in (\w+)$")
ADDS = ("append", "extend")
MANY = 16  # of so many elements the order is not kept


def elements(value: Value | None) -> list[Value]:
    """Return what a loop adds to a list in one turn, and what is there before and after it; none of any other value."""
    if not isinstance(value, Unknown) or not value.why.startswith(FILLED) or value.why.endswith(PART):
        return []
    return value.parts if isinstance(value.parts, list) else []


def last_turn(value: Value | None) -> list[Value]:
    """Return the elements of a row that ends in a turn of the assistant's, in their order; none where that is not told.

    The row is given by what stands before the turns, those of one other turn, and those of the assistant's turn.
    """
    made = elements(value)
    when = [added_in(element) for element in made]
    before = next((i for i, turn in enumerate(when) if turn != BEFORE), len(when))
    if before == len(when) or len(made) > MANY or {BEFORE, NOT_TOLD} & set(when[before:]):
        return []
    turns = list(zip(made, when))[before:]
    others = [one for one, turn in turns if turn != ANSWER] if {OTHERS, ONE_OTHER} & set(when) else []
    answer = [one for one, turn in turns if turn in (ANSWER, EVERY)]
    return [*made[:before], *others, *answer] if answer else []


def added_in(element: Value) -> str:
    """Return the turns in which an element is added to a list, as the tests around the place say where that happens."""
    import libcst as cst

    from ...source.syntax import walk

    place = element.trace[-1] if element.trace else None
    if isinstance(element, Unknown) or place is None or not adds(place.node):
        return NOT_TOLD if place is not None and in_loop(place) or isinstance(element, Unknown) else BEFORE
    path = place.source.nodes.path(place.node)
    if any(isinstance(inner, cst.IfExp) for inner in walk(place.node)):
        return NOT_TOLD
    loop = next((i for i, outer in enumerate(path) if isinstance(outer, cst.For)), 0)
    left = left_by(place, (*path[loop:], place.node))
    for outer, inner in reversed(list(pairwise((*path[loop:], place.node)))):
        if isinstance(outer, (cst.Try, cst.ExceptHandler, cst.While)):
            return NOT_TOLD
        if isinstance(outer, cst.If) and inner in (outer.body, outer.orelse):
            asked = asked_of(place, outer, inner is outer.body) or NOT_TOLD
            return asked if left in (EVERY, asked) else NOT_TOLD
    return left


def left_by(place: Place, path: Sequence[cst.CSTNode]) -> str:
    """Return in which turns a loop comes to a place behind a `continue`, all that are begun if there is none.

    A turn that is left out before anything of it is added is no turn of the row.
    """
    import libcst as cst

    body = next((node for node in path if isinstance(node, cst.IndentedBlock)), None)
    told, started = EVERY, False
    for statement in body.body if body is not None else ():
        if statement in path:
            break
        if leaves(statement):
            asked = asked_of(place, statement, True) if skips(statement) else ""
            if asked in (ANSWER, OTHERS):
                told = OTHERS if asked == ANSWER else ANSWER
            elif asked != ONE_OTHER and (started or "role" in place.source.segment(statement)):
                return NOT_TOLD
        started = started or any(adds(node) for node in walked(statement))
    return told


def skips(statement: cst.CSTNode) -> TypeGuard[cst.If]:
    """Return whether a test always leaves out the rest of a turn where it holds."""
    import libcst as cst

    if not isinstance(statement, cst.If) or statement.orelse is not None or not statement.body.body:
        return False
    last = statement.body.body[-1]
    ends = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    found = [node for node in walked(statement) if isinstance(node, (cst.Break, cst.Continue))]
    return isinstance(ends, cst.Continue) and found == [ends]


def leaves(statement: cst.CSTNode) -> bool:
    """Return whether a statement may leave out the rest of a loop's turn, or all further turns."""
    import libcst as cst

    return any(isinstance(node, (cst.Break, cst.Continue)) for node in walked(statement))


def walked(statement: cst.CSTNode) -> Iterator[cst.CSTNode]:
    from ...source.syntax import walk

    return iter(walk(statement))


def adds(node: cst.CSTNode | None) -> bool:
    """Return whether a statement lengthens a list: `ids += …`, `ids.extend(…)`."""
    import libcst as cst

    called = node.func if isinstance(node, cst.Call) else None
    return isinstance(node, cst.AugAssign) or isinstance(called, cst.Attribute) and called.attr.value in ADDS


def in_loop(place: Place) -> bool:
    """Return whether a place stands in a `for` statement."""
    import libcst as cst

    return any(isinstance(outer, cst.For) for outer in place.source.nodes.path(place.node))


def tested(place: Place) -> str:
    """Return what the nearest test around a place says of the turn, "" if no test asks for it."""
    import libcst as cst

    for outer, inner in reversed(list(pairwise(place.source.nodes.path(place.node)))):
        if isinstance(outer, (cst.If, cst.IfExp)) and inner in (outer.body, outer.orelse):
            if asked := asked_of(place, outer, inner is outer.body):
                return asked
    return ""


def asked_of(place: Place, outer: cst.If | cst.IfExp, holds: bool) -> str:
    """Return whose turn it is where a test around a place holds or does not, "" if it asks for something else."""
    import libcst as cst

    asks = outer.test
    while isinstance(asks, cst.UnaryOperation) and isinstance(asks.operator, cst.Not):
        asks, holds = asks.expression, not holds
    if not isinstance(asks, cst.Comparison):  # another question decides, too
        return ""
    test = place.source.segment(asks)
    if (asked := IS_ANSWER.search(test)) is not None:
        return ANSWER if (asked[1] == "==") is holds else OTHERS
    if (among := IN_SET.match(test)) is not None and of_answers(place, outer, among[1], among[3]):
        return ANSWER if (among[2] is None) is holds else OTHERS
    if holds and (other := IS_OTHER.search(test)) is not None:
        return OTHERS if "system" in other[1] and re.search("user|human", other[1]) else ONE_OTHER
    return ""


def of_answers(place: Place, outer: cst.CSTNode, position: str, name: str) -> bool:
    """Return whether a loop over messages asks if the position of one is among those of the assistant's.

    The function makes the set of these by their role, as `{i for i, m in enumerate(messages) if m["role"] == …}`, or
    it raises an error where its own set is another one than that.
    """
    import libcst as cst

    from ...source.syntax import walk

    path = place.source.nodes.path(outer)
    function = next((node for node in reversed(path) if isinstance(node, cst.FunctionDef)), None)
    loop = next((node for node in reversed(path) if isinstance(node, cst.For)), None)
    if function is None or loop is None:
        return False
    made: dict[str, list[cst.BaseExpression]] = {}
    changed, same = set(), {name}
    for node in walk(function):
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            made.setdefault(node.targets[0].target.value, []).append(node.value)
        elif isinstance(node, (cst.AugAssign, cst.Call)):
            on = node.target if isinstance(node, cst.AugAssign) else node.func
            changed.add(place.source.segment(on).partition(".")[0])
        elif isinstance(node, cst.If) and node.orelse is None and raises(node):
            sides = place.source.segment(node.test).split(" != ")
            same |= set(sides) if len(sides) == 2 and name in sides else set()
    if same & changed or any(len(made.get(one, ())) != 1 for one in same):
        return False
    counted = place.source.segment(loop.iter), place.source.segment(loop.target).strip("()").partition(",")[0]
    return any(by_role(place, made[one][0], counted[0]) for one in same) and counted[1] == position


def raises(node: cst.If) -> bool:
    """Return whether the branch of an `if` ends with `raise`."""
    import libcst as cst

    last = node.body.body[-1] if node.body.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Raise)


def by_role(place: Place, value: cst.BaseExpression, messages: str) -> bool:
    """Return whether a comprehension gives the position of each of the messages whose role is the assistant's."""
    import libcst as cst

    if not isinstance(value, (cst.SetComp, cst.ListComp)) or value.for_in.inner_for_in is not None:
        return False
    loop, code = value.for_in, place.source.segment
    pair = re.match(r"\(?(\w+), (\w+)\)?$", code(loop.target))
    if pair is None or len(loop.ifs) != 1 or code(value.elt) != pair[1] or code(loop.iter) != messages:
        return False
    test = code(loop.ifs[0].test)
    found = IS_ANSWER.search(test)
    starts = test.startswith((f"{pair[2]}[", f"{pair[2]}."))
    return found is not None and found[1] == "==" and starts and re.match(r"enumerate\([^,]+\)$", messages) is not None
