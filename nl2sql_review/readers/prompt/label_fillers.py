"""What hand-made labels hold in place of ids: -100, or a number that is not known."""

from __future__ import annotations

from ...training_plan.values import Either, Unknown, Value
from ..dataset.columns import argument, method_of
from ..derive import contents
from ..spelling import terms
from .label_parts import CHOICES, Part, parts_of


def unknown_filler(labels: Value) -> str:
    """Return the code of what stands in labels in place of ids, if its number is not known; "" of other labels.

    It may be -100: `[config.IGNORE] * n + answer`, `labels.masked_fill(mask, config.IGNORE)`.
    """
    for part in parts_of(labels):
        if isinstance(part.ids, Either):
            found = next(filter(None, map(unknown_filler, part.ids.options)), "")
        else:
            found = next(filter(None, map(unsaid_number, fillers(part))), "")
        if found:
            return found
    return ""


def fillers(part: Part) -> list[Value]:
    """Return what fills some places of a part of labels: what is repeated, or chosen by a test."""
    term = terms(part.ids)
    if part.count is not None:
        listed = contents(part.ids)
        return list(listed) if isinstance(listed, (list, tuple)) and len(listed) == 1 else []
    if isinstance(part.ids, Unknown) and isinstance(part.ids.parts, list):  # `[config.IGNORE for _ in prompt]`
        return [one for one in part.ids.parts if (each := terms(one)) is not None and each.operation != "item"]
    if term is None or term.operation != "call":
        return []
    name = method_of(term)
    if name == "where":
        both = [argument(term, i, word) for i, word in ((1, "input"), (2, "other"))]
        arrays = [one for one in both if (made := terms(one)) is not None and made.operation == "call"]
        return [one for one in both if one not in arrays] + [f for one in arrays for f in fillers(Part(one))]
    if name in CHOICES or name in ("full", "full_like"):
        return [argument(term, 1, "value", "fill_value")]
    return [argument(term, 0, "value")] if name == "fill_" else []


def unsaid_number(filler: object) -> str:
    """Return the code of a number that is not known and is no token's."""
    term = terms(filler)
    if isinstance(filler, Either):
        return next(filter(None, map(unsaid_number, filler.options)), "")
    if isinstance(filler, Unknown):
        return filler.why
    return term.text if term is not None and not term.text.endswith("_token_id") else ""
