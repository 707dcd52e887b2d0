"""An element that stands for many constants of one form: what they share is known, the rest has a name."""

from __future__ import annotations

import os

from ...training_plan.values import Known, Text, Unknown, Value, join
from ..core.objects import Instance, ItemKey, Mapping, Opaque, Sequence, object_of
from ..core.operations import attribute_term, item_term

TOKEN = (">", "]")  # how special tokens end: one may be the end of a text


def element_of(values: tuple[Value, ...], name: str) -> Value | None:
    """Return what stands for dicts with the same keys, objects of one class, or tuples of them; None for others.

    It is no object of the script: whether it is one of those in a list, or equals one, is not decided of it.
    """
    objects = [object_of(value) for value in values]
    if not all(isinstance(value, Known) for value in values):
        return None
    if all(map(_is_tuple, objects)):
        columns = list(zip(*(one.state.items for one in objects)))
        if len({len(one.state.items) for one in objects}) != 1:
            return None
        parts = [_one_of(column) or element_of(column, f"{name}[{i}]") for i, column in enumerate(columns)]
        return Known(
            Sequence(tuple(part or item_term(_named(name), Known(i)) for i, part in enumerate(parts)), "tuple")
        )
    if not (_dicts(objects) or _instances(objects)):
        return None
    element = _named(name)
    for key in objects[0].state.items if isinstance(objects[0], Mapping) else objects[0].slots:
        at = isinstance(objects[0], Mapping)
        cells = tuple(one.state.items[key] if at else one.slots[key] for one in objects)
        read = item_term(element, Known(key)) if at else attribute_term(element, key)
        element.value.slots[ItemKey(key) if at else key] = _one_of(cells) or _constants(cells, read)
    return element


def objects_in(value: Value) -> list[object]:
    """Return the object of a value, or those of a tuple."""
    one = object_of(value)
    return [inner for part in one.state.items for inner in objects_in(part)] if _is_tuple(one) else [one]


def _is_tuple(one: object) -> bool:
    return isinstance(one, Sequence) and one.kind == "tuple" and not one.state.why_incomplete


def _named(name: str) -> Known:
    return Known(Opaque(name, "item"))


def _dicts(objects: list[object]) -> bool:
    dicts = [one for one in objects if isinstance(one, Mapping) and one.kind == "dict" and not one.state.why_incomplete]
    keys = [tuple(one.state.items) for one in dicts]
    return len(dicts) == len(objects) and len(set(keys)) == 1 and all(isinstance(key, str) for key in keys[0])


def _instances(objects: list[object]) -> bool:
    made = [one for one in objects if isinstance(one, Instance) and one.base is None and not one.cls.odd]
    return len(made) == len(objects) and len({(id(one.cls), tuple(one.slots)) for one in made}) == 1


def _one_of(values: tuple[Value, ...]) -> Value | None:
    """Return what one of some values is; None if there are too many different ones."""
    found = values[0]
    for value in values[1:]:
        found = join(found, value)
        if isinstance(found, Unknown):
            return None
    return found


def _constants(values: tuple[Value, ...], read: Value) -> Value:
    """Return the expression that reads one of many values, with the end that all of them have if they are texts."""
    texts = [value.value for value in values if isinstance(value, Known) and isinstance(value.value, str)]
    if not any(text.rstrip().endswith(TOKEN) for text in texts):
        return read
    end = os.path.commonprefix([text[::-1] for text in texts])[::-1] if len(texts) == len(values) else ""
    return Text((read, end)) if end.rstrip().endswith(TOKEN) else Unknown("some of many values end in their own way")
