"""Length of the rows of a script that makes the tokens itself: to which it cuts them, or that it asks them to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...interpret.core.recording import Call
from ...source import Source
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Either, Known, Place, Term, Unknown, Value, same
from ..dataset.columns import argument
from ..derive import derive, plain
from ..object_settings import from_library, last, objects
from ..prompt.tokens import joined_calls
from ..prompt.training_text import texts_of
from ..run import Run
from ..spelling import terms

if TYPE_CHECKING:
    import libcst as cst


def cut_by_script(run: Run) -> Fact | None:
    """Return the length to which a script that makes the tokens itself cuts them, or None if it was not recognized."""
    if (place := cut_into_blocks(run)) is not None:
        return Fact(Unknown("the rows are joined and cut into blocks, and it is unknown how long these are"), at=place)
    calls = [c for c in run.calls if c.callee.rpartition(".")[0].endswith("Tokenizer")]
    if run.trainer is not None:  # what is tokenized for the trained model to answer is no row
        calls = [c for c in calls if c.order < run.trainer.order] or calls
    for call in reversed(of_inputs(run, calls)):
        if "max_length" in call.arguments:
            at = call.places.get("max_length", call.place)
            if any(len(joined_calls(ids)) > 1 for ids in rows_ids(run)):
                why = "the parts of a row are truncated separately, and it is unknown how long they are together"
                return Fact(Unknown(why), at=at)
            # the program of a configuration has ways of its own: Axolotl drops longer rows of some types
            return Fact(call.arguments["max_length"], at=at, note="" if run.configuration else "cut by the tokenizer")
    if any(plain(c.get("truncation")) is True for c in calls):
        loads = [c for c in calls if last(c.callee) == "from_pretrained" and "model_max_length" in c.arguments]
        for call in loads[-1:]:
            at = call.places.get("model_max_length", call.place)
            return Fact(call.arguments["model_max_length"], at=at, note="cut by the tokenizer")
    for text in texts_of(run):
        ids = text.columns.get("input_ids", Absent())
        length, sliced = kept_of(ids)
        if not isinstance(length, Absent):
            origin = ids.trace[0] if ids.trace else text.at
            return Fact(length, at=sliced or origin, note="the tokens are cut by a slice")
        # by the collator, or in the file of the project that writes the rows
        made = text.tokenizer_call if isinstance(ids, Absent) or written_elsewhere(run, calls, ids) else None
        if made is not None and plain(argument(made, 99, "truncation")) is True:
            length = argument(made, 99, "max_length")
            if not isinstance(length, Absent):
                return Fact(length, at=made.trace[0] if made.trace else text.at, note="cut by the tokenizer")
    return enforced(run)


def written_elsewhere(run: Run, calls: list[Call], ids: Value) -> bool:
    """Return whether ids are of one tokenizer call, and of none that the script itself makes."""
    nodes = {id(place.node) for place in ids.trace}
    return len(joined_calls(ids)) == 1 and not any(id(call.place.node) in nodes for call in calls)


def cut_before(run: Run, trainer: Fact) -> Fact:
    """Return the length of rows that reach the trainer as tokens: that of the script's own cut where it is shorter.

    What the trainer cuts at by default is left alone only if the script does not cut first.
    """
    if not rows_ids(run) or isinstance(trainer.value, Absent) or (cut := cut_by_script(run)) is None:
        return trainer
    if isinstance(cut.value, Unknown):
        return cut if from_library(trainer.value) else trainer
    own, its = plain(cut.value), plain(trainer.value)
    return cut if isinstance(own, int) and isinstance(its, int) and own <= its else trainer


def cut_into_blocks(run: Run) -> Place | None:
    """Return where a function of `map` makes rows of a fixed length: `[ids[i : i + n] for i in range(0, total, n)]`."""
    if run.configuration is not None:  # it has no functions, and is read without LibCST
        return None
    import libcst as cst

    from ...source.syntax import walk
    from ..prompt.collated import defined

    for call in run.calls:
        if not call.callee.startswith("datasets.") or last(call.callee) != "map":
            continue
        for source, function in filter(None, map(defined, objects(call.get("function", "$0")))):
            for node in walk(function):
                if isinstance(node, cst.ListComp) and is_blocks(node, source):
                    return Place(source, node)
    return None


def is_blocks(made: cst.ListComp, source: Source) -> bool:
    """Return whether a list holds the slices of something that begin at each step of a range."""
    import libcst as cst

    steps = made.for_in.iter
    if not isinstance(steps, cst.Call) or source.segment(steps.func) != "range" or len(steps.args) != 3:
        return False
    if not isinstance(made.elt, cst.Subscript) or not isinstance(piece := made.elt.slice[0].slice, cst.Slice):
        return False
    index = source.segment(made.for_in.target)
    return piece.upper is not None and piece.lower is not None and source.segment(piece.lower) == index


def enforced(run: Run) -> Fact | None:
    """Return the length that the script asks each row to have at most, by an error or by leaving the row out."""
    found: list[Fact] = []
    for ids in rows_ids(run):
        held = ids.parts if isinstance(ids, Unknown) else None
        told = ids.text if isinstance(ids, Term) else len(held) if isinstance(held, list) else None
        first = ids.trace[0].node if ids.trace else None
        limits = [one for one in run.recording.limits if one.said == told and one.trace and one.trace[0].node is first]
        if not limits or isinstance(limits[-1].limit, Unknown):
            return None
        found.append(Fact(limits[-1].limit, at=limits[-1].place, note="the script lets no longer row through"))
    return found[0] if found and all(same(one.value, found[0].value) for one in found) else None


def of_inputs(run: Run, calls: list[Call]) -> list[Call]:
    """Return the calls that make the rows' input_ids, if they are known; else all that do not make labels alone."""
    makers = {id(place.node) for ids in rows_ids(run) for place in ids.trace}
    made = [call for call in calls if id(call.place.node) in makers]
    return made or [call for call in calls if "text_target" not in call.arguments]


def kept_of(ids: Value) -> tuple[Value, Place | None]:
    """Return how many tokens `ids[:n]`, `ids[-n:]` or `ids[len(ids) - n:]` keeps, and where; Absent if not known."""
    if isinstance(ids, Either) and "len(" in ids.condition:  # `if len(ids) > n:`: the others are shorter
        kept = (kept_of(one) for one in ids.options)
        return next((one for one in kept if not isinstance(one[0], Absent)), (Absent(), None))
    if not isinstance(ids, Term) or ids.operation != "slice" or len(ids.args) < 3:
        return Absent(), None
    start, stop = (Known(None) if isinstance(end, Absent) else end for end in ids.args[1:3])
    if same(start, Known(None)) or same(start, Known(0)):
        return stop if isinstance(plain(stop), int) and plain(stop) > 0 else Absent(), ids.place
    if same(stop, Known(None)) and isinstance(plain(start), int) and plain(start) < 0:
        return derive(lambda first: -first, start), ids.place
    less, whole = terms(start), terms(ids.args[0])
    if less is None or whole is None or len(less.args) != 2 or not same(stop, Known(None)):
        return Absent(), None
    from_end = less.text.startswith(f"len({whole.text}) - ") and isinstance(plain(less.args[1]), int)
    return less.args[1] if from_end else Absent(), ids.place


def rows_ids(run: Run) -> list[Value]:
    """Return the ids of the rows, one value for each training text that has them."""
    return [text.columns["input_ids"] for text in texts_of(run) if "input_ids" in text.columns]
