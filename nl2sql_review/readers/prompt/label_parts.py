"""Hand-made labels read part by part: joined lists, replaced slices, and choices made element by element.

`[-100] * n + ids[n:]`, `labels[:n] = -100`, `for i in range(n): labels[i] = -100`, `torch.where(…)`, and
`[-100 if i < n else t for i, t in enumerate(ids)]` are the same two parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ...interpret.core.operations import COUNTED
from ...training_plan.values import Absent, Either, Known, Term, Unknown, Value, same
from ..dataset.columns import argument, method_of, receiver
from ..derive import contents, plain
from ..spelling import terms
from .tokens import COPIES, concatenation

LISTED = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"
REPEATS = re.compile(rf"^{LISTED} \* | \* {LISTED}$")  # `[-100] * n`
JOINS = ("cat", "concat", "concatenate", "hstack")
CHOICES = ("where", "masked_fill", "masked_fill_")
POSITION = re.compile(r"^(?:i|(?:torch|numpy)\.arange\(.+\)) (<|>=) (.+)$", re.DOTALL)
CUT = re.compile(r"\[:[\w.]+\]")
TOKEN = re.compile(r" (==|!=) [\w.]*(pad|eos)_token_id$|^[\w.]*(pad|eos)_token_id (==|!=) ")
MARK = re.compile(r" (==|!=) ([01])$")
ATTENDED = re.compile(r"attention_mask(?:\W.{0,40}?)?(?: (==|!=) ([01])|\.bool\(\))$")


@dataclass(slots=True)
class Part:
    """Part of a row: some ids, or a repeated one.

    `count` is how many they are where that is said, `start` where a slice begins, and `left_out` how many ids it leaves
    out at the end. `without`: which of them are masked wherever they stand, the "pad" or the "eos" token, or the
    "padding", which the attention mask tells. `turn`: those of a conversation in which a loop adds them.
    """

    ids: Value
    count: Value | None = None
    start: Value | None = None
    masked: bool = False
    left_out: int = 0
    without: str = ""
    turn: str = ""


MASK = Known([-100])


def parts_of(value: Value) -> list[Part]:
    """Return the parts of a row of ids or labels, without a truncation and copies of the whole."""
    value = changed(concatenation(value))
    if isinstance(value, Either):
        whole = uncut(value)
        return parts_of(whole[0]) if len(whole) == 1 else chosen(value) or [Part(value)]
    if isinstance(value, Unknown):
        return comprehended(value) or [Part(value)]
    term = terms(value)
    if term is None:
        ids = contents(value)
        return [Part(value, masked=isinstance(ids, list) and set(map(str, ids)) == {"-100"})]
    if term.operation == "replaced":
        return replaced_in(term) or [Part(term)]
    if term.operation == "call":
        return of_call(term) or [Part(term)]
    if term.operation == "slice":
        return of_slice(term)
    if term.operation != "op" or len(term.args) != 2:
        return [Part(term)]
    if REPEATS.search(term.text):
        for one, count in (term.args, term.args[::-1]):
            listed = contents(one)
            if isinstance(listed, (list, tuple)) and len(listed) == 1:
                return [Part(one, count=count, masked=listed[0] == -100)]
    return [part for arg in term.args for part in parts_of(arg)]


def of_slice(term: Term) -> list[Part]:
    stop = plain(term.args[2]) if len(term.args) > 2 else None
    left_out = -stop if isinstance(stop, int) and stop < 0 else 0
    if isinstance(term.args[1], Known) and term.args[1].value in (None, 0):
        *before, end = parts_of(term.args[0])
        return [*before, replace(end, left_out=end.left_out or left_out)]
    return [Part(term.args[0], start=term.args[1], left_out=left_out)]


def uncopied(row: Value) -> Value:
    """Return the row that another one is a copy of, or that itself."""
    term = terms(row)
    if term is None or term.operation != "call" or method_of(term) not in COPIES:
        return row
    owner = receiver(term)
    return uncopied(argument(term, 0) if isinstance(owner, Absent) else owner)


def of_call(term: Term) -> list[Part]:
    """Return the parts of a copy, of joined arrays, of an array full of -100, or of a choice; none of another call."""
    name, owner = method_of(term), receiver(term)
    if name in COPIES:
        return parts_of(uncopied(term))
    if name in JOINS:
        joined = contents(argument(term, 0, "tensors", "arrays"))
        return [part for one in joined for part in parts_of(one)] if isinstance(joined, (list, tuple)) else []
    if name in ("full", "full_like") and plain(argument(term, 1, "fill_value")) == -100:
        size = argument(term, 0, "size", "shape", "input")
        sizes = contents(size) if name == "full" else None
        length = sizes[0] if isinstance(sizes, (list, tuple)) and len(sizes) == 1 else size
        return [Part(MASK, count=length, masked=True)]
    if name == "fill_" and plain(argument(term, 0, "value")) == -100:
        made = terms(uncopied(owner))
        return [Part(MASK, count=argument(made, 0, "size", "input") if made is not None else None, masked=True)]
    if name not in CHOICES:
        return []
    if name != "where":
        return by_test(argument(term, 0, "mask"), owner) if plain(argument(term, 1, "value")) == -100 else []
    test, yes, no = (argument(term, i, word) for i, word in enumerate(("condition", "input", "other")))
    if is_mask(yes):
        return by_test(test, no)
    return by_test(test, yes, negated=True) if is_mask(no) else []


def replaced_in(term: Term) -> list[Part]:
    """Return the parts of a row after some of its elements are replaced; none if it is not clear what is left of it."""
    before, key, value = term.args
    bounds = contents(key)
    if isinstance(key, Known) and type(key.value) is int:  # the BOS token, or the last one
        return parts_of(before)
    if terms(key) is not None:
        return by_test(key, before) if is_mask(value) else []
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 3 or plain(bounds[2]) is not None:
        return []
    start, stop = (bound if isinstance(bound, Value) else Known(bound) for bound in bounds[:2])
    if isinstance(value, Either) and len(whole := uncut(value)) == 1:
        value = whole[0]
    if is_mask(value):
        if isinstance(plain(start), int) and plain(start) < 0:
            return parts_of(before)  # of the last few tokens `masks_end` tells
        to_end = reaches_end(stop, before)
        if is_open(start):
            return [Part(MASK, stop, masked=True), Part(before, start=stop)] if not to_end else []
        return [Part(before, count=start), Part(MASK, start=start, masked=True)] if to_end else []
    if not all(part.masked for part in parts_of(before)):
        return []
    if is_open(start):  # `labels[:n] = ids[:n]`
        return [Part(value, count=stop), Part(MASK, start=stop, masked=True)] if not is_open(stop) else []
    kept = element_of(value)
    return [Part(MASK, start, masked=True), *([Part(kept, start=start)] if kept is not None else parts_of(value))]


def comprehended(value: Unknown) -> list[Part]:
    """Return the parts of `[-100 if i < n else t for i, t in enumerate(ids)]`, or of such a list filled in a loop."""
    made = value.parts[0] if isinstance(value.parts, list) and len(value.parts) == 1 else None
    bases = [base.text for o in made.options if (base := terms(element_of(o)))] if isinstance(made, Either) else []
    turns = [turn for base in bases for turn in (f"{COUNTED}{base}", f"range(len({base}))")]
    if not isinstance(made, Either) or value.why not in [*turns, *(f"filled in a loop ({turn})" for turn in turns)]:
        return []
    return chosen(made)


def chosen(value: Either) -> list[Part]:
    """Return the parts of a row of which each element is masked or kept by a test."""
    test = value.test
    if len(value.options) != 2 or test is None:
        return []
    for i, (one, other) in enumerate((value.options, value.options[::-1])):
        base = element_of(other)
        if is_mask(one) and base is not None:
            return by_test(test, base, negated=i == 1)
        term = terms(one)
        if term is not None and term.operation == "replaced" and is_mask(term.args[2]) and other == term.args[0]:
            bounds = contents(term.args[1])
            everywhere = isinstance(bounds, list) and all(map(is_open, bounds[:1])) and reaches_end(bounds[1], other)
            return by_test(test, other, negated=i == 1) if everywhere else []
    return []


def reaches_end(stop: object, row: Value) -> bool:
    """Return whether positions end where a row does, or are not limited."""
    if is_open(stop):
        return True
    term = terms(stop)
    is_length = term is not None and term.operation == "call" and term.text.startswith("len(")
    return term is not None and is_length and bool(term.args) and alike(uncopied(term.args[0]), uncopied(row))


def alike(one: Value, other: Value) -> bool:
    """Return whether two values may be the same ids: nothing that is held of them differs."""
    first, second = terms(one), terms(other)
    if isinstance(one, Unknown) and isinstance(other, Unknown) and one.why == other.why and one.parts and other.parts:
        known = isinstance(one.parts, list) and isinstance(other.parts, list) and len(one.parts) == len(other.parts)
        return known and all(map(alike, one.parts, other.parts))
    if first is None or second is None:
        return first is second and same(one, other)
    held = zip(first.args, second.args) if first.operation == second.operation else ()
    return first.text == second.text and all(alike(a, b) for a, b in held)


def by_test(test: Value, row: Value, negated: bool = False) -> list[Part]:
    """Return the parts of a row that is -100 where a test holds (`negated`: where it does not); none if unclear."""
    term = terms(test)
    if term is None:
        return []
    if term.operation == "not":
        return by_test(term.args[0], row, not negated)
    if (found := POSITION.match(term.text)) is not None and len(term.args) == 2 and counts_from_zero(term.args[0]):
        bound = term.args[1]
        if (found[1] == "<") is not negated:
            return [Part(MASK, bound, masked=True), Part(row, start=bound)]
        return [Part(row, count=bound), Part(MASK, start=bound, masked=True)]
    if (found := TOKEN.search(term.text)) is not None:
        return lacking(row, found[2] or found[3]) if ("==" in found.groups()) is not negated else []
    if (found := ATTENDED.search(term.text)) is not None:
        padding = found[1] is not None and (found[1] == "==") is (found[2] == "0")
        return lacking(row, "padding") if padding is not negated else []
    return by_marks(term, row, negated)


def by_marks(test: Term, row: Value, negated: bool) -> list[Part]:
    """Return the parts of a row beside a list like `[0] * len(prompt) + [1] * len(answer)` that is tested."""
    compared = MARK.search(test.text) if test.operation == "op" and len(test.args) == 2 else None
    equal, wanted = (compared[1] == "==", int(compared[2])) if compared is not None else (True, 1)
    tested = test.args[0] if compared is not None else test
    marks = parts_of(element_of(tested) or tested)
    values = [contents(mark.ids) for mark in marks]
    if len(marks) != 2 or not all(value in ([0], [1]) and mark.count for value, mark in zip(values, marks)):
        return []
    hidden = [((value == [wanted]) == equal) != negated for value in values]
    if hidden == [True, False]:
        return [Part(MASK, marks[0].count, masked=True), Part(row, start=marks[0].count)]
    return [Part(row, count=marks[0].count), Part(MASK, marks[1].count, masked=True)] if hidden == [False, True] else []


def lacking(row: Value, token: str) -> list[Part]:
    return [part if part.masked else replace(part, without=token) for part in parts_of(row)]


def counts_from_zero(positions: Value) -> bool:
    """Return whether these are the positions of a row in turn, `i` or `torch.arange(len(ids))`."""
    term = terms(positions)
    if term is None or term.operation == "symbol":
        return term is not None and term.text == "i"
    return term.operation == "call" and method_of(term) == "arange" and len(term.args) == 1


def element_of(value: Value) -> Value | None:
    """Return the list of which a value is the element at each position in turn, `ids[i]`; None of another value."""
    term = terms(value)
    if term is None or term.operation != "item" or len(term.args) != 2:
        return None
    key = terms(term.args[1])
    return term.args[0] if key is not None and key.text == "i" else None


def changed(value: Value) -> Value:
    """Return the expression that says which elements of a list are replaced, if some are."""
    if isinstance(value, Unknown) and isinstance(value.parts, list) and len(value.parts) == 1:
        one = value.parts[0]
        term = terms(one)
        options = one.options if isinstance(one, Either) else ()
        if term is not None and term.operation == "replaced":
            return term
        if any((t := terms(option)) is not None and t.operation == "replaced" for option in options):
            return one if isinstance(one, Value) else value
    return value


def uncut(value: Either) -> list[Value]:
    """Return the options without those that are another one cut to a limit, as by `if len(ids) > n: ids = ids[:n]`."""
    whole = {spelling(option) for option in value.options} - {""}
    shortest: dict[str, tuple[str, Value]] = {}
    for option in value.options:
        term = terms(changed(option))
        if term is not None and term.operation == "slice" and spelling(term.args[0]) in whole:
            continue
        code = term.text if term is not None else ""
        key = CUT.sub("", code) or str(len(shortest))
        if key not in shortest or len(code) < len(shortest[key][0]):
            shortest[key] = code, option
    return [option for _, option in shortest.values()] or list(value.options)  # options can be cuts of one another


def is_mask(value: object) -> bool:
    """Return whether a value is -100, as a number, an array of it or a list of nothing else."""
    found = contents(value)
    if found == -100 or isinstance(found, (list, tuple)) and set(map(str, found)) == {"-100"}:
        return True
    term = terms(value)
    if term is None:
        return False
    if term.operation == "call" and method_of(term) in ("tensor", "array"):
        return is_mask(argument(term, 0))
    return term.operation == "op" and [part.masked for part in parts_of(term)] == [True]


def is_open(bound: object) -> bool:
    """Return whether a slice has no bound here."""
    return bound is None or isinstance(bound, Known) and bound.value in (None, 0)


def spelling(value: object) -> str:
    """Return the code of some ids, by which two of them are compared."""
    term = terms(value)
    return term.text if term is not None else ""
