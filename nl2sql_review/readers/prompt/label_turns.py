"""Labels that a loop over the messages of a conversation lengthens turn by turn: those of which turns are masked."""

from __future__ import annotations

import re
from itertools import pairwise

from ...training_plan.values import Absent, Place, Unknown, Value
from ..spelling import spelt, terms
from .label_parts import Part, alike, parts_of
from .tokens import added, tokenised_text

FILLED = "filled in a loop"
ANSWER, OTHERS, ONE_OTHER = "the assistant's", "all others", "those of one other role"
IS_ANSWER = re.compile(r" (==|!=) [\"'](?:assistant|gpt|model|bot)[\"']$")
IS_OTHER = re.compile(r" (?:==|in) ([\[({\"'][\w\"', ]*(?:user|human|system)[\w\"', ]*[\])}\"'])$")
CONTENT = re.compile(r"\[[\"'](?:content|value)[\"']\]|\.(?:content|value)\b")
RESPONSE = "response", ""
MISPLACED = "misplaced", "the labels of the assistant's turns are masked, and those of other turns are not"


def by_turn(labels: Value, ids: Value | None) -> tuple[str, str] | None:
    """Return what is in the loss of labels that grow beside the ids; None if the code does not tell whose turns."""
    made, tokens = grown(labels), grown(ids)
    if not made or not tokens:
        return None
    answers: list[bool] = []
    if not all(any(alike(one.ids, beside(part)) for one in tokens) for part in made):
        return None  # some labels have another length
    for one in tokens:
        kept = [part for part in made if not part.masked and alike(part.ids, one.ids)]
        hidden = [part for part in made if part.masked and alike(one.ids, beside(part))]
        if kept and (whose := turn_of(kept, hidden)) is None or not kept and not hidden:
            return None
        if kept and CONTENT.search(spelt(tokenised_text(one.ids)[0])):
            answers.append(bool(whose))
    if not answers or len(set(answers)) > 1:
        return None
    return RESPONSE if answers[0] else MISPLACED


def grown(value: Value | None) -> list[Part]:
    """Return the parts that a loop adds to a list; none of any other value."""
    if not isinstance(value, Unknown) or not value.why.startswith(FILLED) or not isinstance(value.parts, list):
        return []
    return [part for element in value.parts for part in parts_of(added(element))]


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
    found = [{turn for place in part.ids.trace if (turn := tested(place))} for part in parts]
    return {turns.pop() if len(turns) == 1 else "" for turns in found}


def tested(place: Place) -> str:
    """Return what the nearest test around a place says of the turn, "" if no test asks for it."""
    import libcst as cst

    for outer, inner in reversed(list(pairwise(place.source.nodes.path(place.node)))):
        if not isinstance(outer, (cst.If, cst.IfExp)) or inner not in (outer.body, outer.orelse):
            continue
        test, holds = place.source.segment(outer.test), inner is outer.body
        if (asked := IS_ANSWER.search(test)) is not None:
            return ANSWER if (asked[1] == "==") is holds else OTHERS
        if holds and (other := IS_OTHER.search(test)) is not None:
            return OTHERS if "system" in other[1] and re.search("user|human", other[1]) else ONE_OTHER
    return ""
