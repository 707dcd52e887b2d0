"""Model of the rows of a dataset, as a mapped function sees them: their cells, and what the script sets in them."""

from __future__ import annotations

from ....training_plan.values import Known, Unknown, Value
from ...core.datasets import Row
from ...core.library import iteration_model, method_model
from ...core.model_call import ModelCall
from ...core.objects import ItemKey, Items, Object, Opaque, Sequence, object_of, plain
from ...core.operations import describe, item_term


def set_in(row: Object, key: Value) -> Value | None:
    """Return the value that the script set under a key of a row, None if it set none; unknown if keys are unknown."""
    names = [k.key for k in row.slots if isinstance(k, ItemKey)]
    name = plain(key) if isinstance(key, Known) else None
    if name is not None and name in names:
        found: Value = row.slots[ItemKey(name)]
        return found
    if names and (name is None or None in names):
        return Unknown(f"the script sets items under keys known only at run time, or reads {describe(key)}")
    return None


def column(row: Object, key: Value) -> Value | None:
    """Return what the dataset of a row holds under a key, None if that is not known."""
    name = plain(key)
    if isinstance(row, Row) and row.dataset is not None and isinstance(name, str):
        return row.dataset.columns.get(name)
    return None


def of_batch(row: Object, cell: Value, receiver: Value) -> Value:
    """Return the cell of a row; of a batch of rows, a list of such cells."""
    if isinstance(row, Row) and row.batched:
        return Known(Sequence((cell,), "list", "how many rows a batch has is known only at run time"), receiver.trace)
    return cell


@method_model("row", "__getitem__")
def cell_of_row(call: ModelCall) -> Value:
    row, receiver, key = call.owner, call.receiver, call.arguments.get(0)
    own = set_in(row, key)
    if own is not None:
        return own
    known = column(row, key)
    return of_batch(row, known if known is not None else item_term(receiver, key), receiver)


@method_model("row", "get")
def get_of_row(call: ModelCall) -> Value:
    row, receiver, args = call.owner, call.receiver, call.arguments
    own = set_in(row, args.get(0))
    if own is not None:
        return own
    cell = column(row, args.get(0))
    if cell is None:
        inner = ", ".join(describe(a) for a in args.positional)
        cell = Known(Opaque(f"{row.text}.get({inner})", "get", (receiver, *args.positional)), receiver.trace)
    made = object_of(cell)
    if isinstance(made, Opaque) and made.place is None:
        made.place = args.place
    return of_batch(row, cell, receiver)


@iteration_model("row")
def iterate_row(call: ModelCall) -> Items:
    row = call.owner
    columns = row.dataset.columns if isinstance(row, Row) and row.dataset is not None else ()
    return Items(tuple(Known(name) for name in columns), "the columns of a row")


@method_model("row", "copy")
def copy_of_row(call: ModelCall) -> Value:
    row = call.owner
    if not isinstance(row, Row):
        return call.receiver
    new = Row(row.text, row.dataset, row.batched)
    new.slots.update(row.slots)
    return Known(new, call.receiver.trace)


@method_model("row", "update")
def update_row(call: ModelCall) -> Value:
    row, args = call.owner, call.arguments
    given = call.machine.mapping(args.positional[0], call.node).items if args.positional else {}
    for name, value in {**given, **args.keywords}.items():
        call.machine.write(row, ItemKey(name), value)
    return Known(None)
