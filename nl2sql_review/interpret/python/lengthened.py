"""Lists of the run that a loop lengthens: `ids = tokenizer.encode(system)`, and `ids += …` in each turn."""

from __future__ import annotations

from ...training_plan.values import options, same
from ..core.joins import VALUES
from ..core.objects import Opaque, Sequence, object_of

ENCODES = "transformers.PreTrainedTokenizer.encode("


def added_to(old: object, new: object) -> bool:
    """Return whether a turn only adds to a list of the run, as `ids += tokenizer.encode(text)` on some paths."""
    if not isinstance(old, VALUES) or not isinstance(new, VALUES):
        return False
    before = options(old)
    sums = [made for made in options(new) if not any(same(made, one) for one in before)]
    for made in sums:
        if not is_list(object_of(made)):
            return False
        while not any(same(made, one) for one in before):
            total = object_of(made)
            if not isinstance(total, Opaque) or total.operation != "op" or " + " not in total.text:
                return False
            made = total.args[0]
    return bool(sums)


def is_list(thing: object) -> bool:
    """Return whether an expression makes a list: of token ids, by repeating one, or by adding to one."""
    if isinstance(thing, Sequence):
        return thing.kind == "list"
    if not isinstance(thing, Opaque):
        return False
    if thing.operation == "op" and len(thing.args) == 2 and (" + " in thing.text or " * " in thing.text):
        return any(is_list(object_of(arg)) for arg in thing.args)
    return thing.text.startswith(ENCODES) and thing.operation == "call" and "return_tensors" not in thing.text
