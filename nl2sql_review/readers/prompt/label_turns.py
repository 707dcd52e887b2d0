"""Labels that a loop over the messages of a conversation lengthens turn by turn: those of which turns are masked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterator

from ...interpret.core.operations import SET_ANYWHERE
from ...training_plan.values import Absent, Term, Unknown, Value
from ..spelling import spelt, terms
from .label_parts import Part, alike, parts_of, spelling
from .tokens import added, tokenised_text
from .turns import ANSWER, FILLED, NOT_TOLD, ONE_OTHER, OTHERS, added_in, elements, last_turn, tested

CONTENT = re.compile(r"\[[\"'](?:content|value)[\"']\]|\.(?:content|value)\b")
RESPONSE = "response", ""
MISPLACED = "misplaced", "the labels of the assistant's turns are masked, and those of other turns are not"


def by_turn(labels: Value, ids: Value | None) -> tuple[str, str] | None:
    """Return what is in the loss of labels that grow beside the ids; None if the code does not tell whose turns."""
    made, tokens = grown(labels), grown(ids)
    if not made or not tokens:
        return None
    answers: list[bool] = []
    if any(one.turn == NOT_TOLD for one in tokens):
        return None  # in some turns there may be more ids
    if not stand_beside(made, tokens):
        return None
    for one in tokens:
        kept = [part for part in made if not part.masked and alike(part.ids, one.ids)]
        hidden = [part for part in made if part.masked and alike(one.ids, beside(part))]
        if kept and (whose := turn_of(kept, hidden)) is None or not kept and not hidden:
            return None
        if kept and (CONTENT.search(spelt(tokenised_text(one.ids)[0])) or of_content(one.ids)):
            answers.append(bool(whose))
    if not answers or len(set(answers)) > 1:
        return None
    return RESPONSE if answers[0] else MISPLACED


def stand_beside(made: list[Part], tokens: list[Part]) -> bool:
    """Return whether each of some labels is that of one token, and all tokens of a part have theirs."""
    for part in made:
        found = [one for one in tokens if alike(one.ids, beside(part))]
        if not found or not part.masked and cuts(part) not in map(cuts, found):
            return False
    return True


def cuts(part: Part) -> tuple[str, int]:
    return spelt(part.start) if part.start is not None else "", part.left_out


def of_content(ids: Value) -> bool:
    """Return whether the code takes the text of some ids from a message where its value is not known."""
    import libcst as cst

    from ...source.syntax import all_of

    text = tokenised_text(ids)[0]
    if text is None or CONTENT.search(spelt(text)) or not any(isinstance(part, Unknown) for part in unread(text)):
        return False
    for place in ids.trace:
        given = place.node.args[0].value if isinstance(place.node, cst.Call) and place.node.args else None
        if isinstance(given, cst.Name):
            path = place.source.nodes.path(place.node)
            function = next((node for node in reversed(path) if isinstance(node, cst.FunctionDef)), None)
            if function is None:
                return False
            made = [node.value for node in all_of(cst.Assign, function) if is_name(node.targets[0].target, given.value)]
            return bool(made) and CONTENT.search(place.source.segment(made[0])) is not None
    return False


def unread(value: object) -> Iterator[object]:
    """Yield the parts of a text, those of each option among them."""
    for part in getattr(value, "parts", None) or getattr(value, "options", None) or ():
        yield part
        yield from unread(part)


def is_name(node: object, name: str) -> bool:
    """Return whether a node is this name."""
    return getattr(node, "value", None) == name


def grows(labels: Value) -> bool:
    """Return whether a loop over the messages lengthens some labels, and not one over the ids of a row."""
    if isinstance(labels, Unknown) and labels.why == SET_ANYWHERE:
        return True
    return isinstance(labels, Unknown) and labels.why.startswith(FILLED) and len(parts_of(labels)) == 1


def end_is_masked(labels: Value, ids: Value | None) -> bool | None:
    """Return whether the last token of the assistant's turn has no label; None where that is not told."""
    ending = last_turn(ids)
    if not ending:
        return None
    if not stand_beside(grown(labels), grown(ids)):
        return None
    last = parts_of(added(ending[-1]))[-1]
    kept = [part for part in grown(labels) if not part.masked and alike(part.ids, last.ids)]
    hidden = [part for part in grown(labels) if part.masked and alike(last.ids, beside(part))]
    if not kept and not hidden:
        return None
    return not kept


def grown(value: Value | None) -> list[Part]:
    """Return the parts that a loop adds to a list; none of any other value."""
    return [
        replace(one, turn=added_in(element))
        for element in elements(value)
        for part in parts_of(added(element))
        for one in apart(part)
    ]


def apart(part: Part) -> list[Part]:
    """Return a mask of several lists in a row, `[-100] * len(body + end)`, as that of each."""
    counted = parts_of(beside(part)) if part.masked else []
    if len(counted) < 2 or any(one.count is not None or one.start is not None for one in counted):
        return [part]
    return [Part(part.ids, Term(f"len({spelling(one.ids)})", "call", (one.ids,)), masked=True) for one in counted]


def beside(part: Part) -> Value:
    """Return the ids that some labels stand beside: those counted by a mask, or the labels themselves."""
    length = terms(part.count)
    is_length = length is not None and length.operation == "call" and length.text.startswith("len(") and length.args
    return (length.args[0] if length is not None and is_length else Absent()) if part.masked else part.ids


def turn_of(kept: list[Part], hidden: list[Part]) -> bool | None:
    """Return whether ids are kept in the assistant's turns alone (False: in others alone); None if that is not told."""
    if hidden:  # the same ids are masked in the other turns
        return {frozenset({OTHERS}): True, frozenset({ANSWER}): False}.get(frozenset(turns_of(hidden)))
    turns = turns_of(kept)
    if turns == {ANSWER}:
        return True
    return False if turns and turns <= {OTHERS, ONE_OTHER} else None


def turns_of(parts: list[Part]) -> set[str]:
    """Return the turns in which some labels are made, as the tests around them say; "" where none says it."""
    told = (ANSWER, OTHERS, ONE_OTHER)
    found = [
        {part.turn} if part.turn in told else {turn for place in part.ids.trace if (turn := tested(place))}
        for part in parts
    ]
    return {turns.pop() if len(turns) == 1 else "" for turns in found}
