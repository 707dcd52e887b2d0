"""Batches that a hand-written loop hands to a module of the script: rows of the loader's dataset, put together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator, NamedTuple

from ....training_plan.values import Absent, Default, Known, Unknown, Value, is_optional, present
from ...core.joins import demote
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Bound, Class, Function, Instance, Mapping, Opaque, Sequence, object_of
from ...core.operations import ROWS_OF_BATCH, lists_all
from ...core.recording import Call

if TYPE_CHECKING:
    import libcst as cst

    from ....source import Source

LOADER = "torch.utils.data.DataLoader"
JOINED = "torch.utils.data.ConcatDataset"
DEEPEST = 4  # of datasets that are joined to joined ones
CHANGES = ("pop", "popitem", "update", "setdefault", "clear", "__setitem__", "__delitem__")  # of a dictionary
WRAPPERS = ("DistributedDataParallel", "DataParallel")
# Why an element of an iterator of the script is not known.
ITERATED = re.compile(r"how often (\w+)\.__next__ is called ")


@model("torch.utils.data.default_collate", "torch.utils.data.dataloader.default_collate")
def default_collate(call: ModelCall) -> Value | None:
    """Return the columns of a batch: each is the list of its rows' cells."""
    rows = object_of(call.arguments.get(0, "batch"))
    if not isinstance(rows, Sequence) or len(rows.state.items) != 1 or not rows.state.why_incomplete:
        return None
    return collated(rows.state.items[0])


def collated(cell: Value) -> Value:
    """Return what PyTorch makes of one cell of each row: a dictionary of columns, a list of texts, a tensor."""
    if is_optional(cell):  # to read it where a row lacks it ends the run
        return collated(present(cell))
    obj = object_of(cell)
    if isinstance(obj, Mapping) and not obj.state.why_incomplete:
        return Known(Mapping({key: collated(one) for key, one in obj.state.items.items()}), cell.trace)
    if isinstance(obj, Sequence):
        if obj.state.why_incomplete:
            return Unknown("lists in the rows of a batch, of unknown length", cell.trace)
        return Known(Sequence(tuple(collated(one) for one in obj.state.items), "list"), cell.trace)
    if isinstance(cell, (Known, Default)) and isinstance(cell.value, (bool, int, float)):
        return Unknown("a tensor of the numbers of a batch", cell.trace)
    return Known(Sequence((cell,), "list", ROWS_OF_BATCH), cell.trace)


class Batch(NamedTuple):
    """A batch, and the dataset and the function that make it, if a loader does, and not the script itself."""

    value: Value
    made_by: tuple[Value, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        made = object_of(self.value)
        return tuple(key for key in made.state.items if isinstance(key, str)) if isinstance(made, Mapping) else ()


def given_to(m: Machine, module: Instance) -> Batch | None:
    """Return what the script calls a module of its own with, if that is a batch and nothing else.

    It is a dictionary that the script makes, or what an iterator gives it: then a batch of the only dataset that is
    loaded.
    """
    calls = [one for one in m.recording.calls if called_module(one) is module]
    given = [one.live_arguments[0] for one in calls]
    if not given or any(len(args.positional) != 1 or args.keywords or args.unknown for args in given):
        return None
    values = [args.positional[0] for args in given]
    made = object_of(values[0])
    if isinstance(made, Mapping):
        return Batch(values[0]) if all(object_of(value) is made for value in values) else None
    batch = batch_of_loader(m) if all(iterated(m, value) for value in values) else None
    return batch if batch is not None and not any(changes(one, batch.columns) for one in calls) else None


def changes(call: Call, columns: tuple[str, ...]) -> bool:
    """Return whether the loop around a call of a module changes columns of its batch, or may.

    `batch[key] = batch[key].to(device)` changes none.
    """
    import libcst as cst

    from ....source.syntax import walk

    node, source = call.place.node, call.place.source
    given = node.args[0].value if isinstance(node, cst.Call) and node.args else None
    loops = [one for one in source.nodes.path(node) if isinstance(one, (cst.For, cst.While))]
    if not isinstance(given, cst.Name) or not loops:
        return False
    for one in walk(loops[-1].body):
        written: list[cst.BaseExpression | None] = []
        if isinstance(one, cst.Call) and isinstance(one.func, cst.Attribute) and is_name(one.func.value, given):
            written = names_written(one, one.func.attr.value)
        elif isinstance(one, (cst.Assign, cst.AugAssign, cst.Del)) and not _moves(one):
            targets = [each.target for each in one.targets] if isinstance(one, cst.Assign) else [one.target]
            of_batch = (each for each in targets if isinstance(each, cst.Subscript) and is_name(each.value, given))
            written = [getattr(each.slice[0].slice, "value", None) for each in of_batch]
        if any(not isinstance(key, cst.SimpleString) or key.evaluated_value in columns for key in written):
            return True
    return False


def _moves(statement: cst.CSTNode) -> bool:
    """Return whether a statement moves a value to a device: `batch[k] = batch[k].to(device)`, `… if cuda else …`."""
    import libcst as cst

    value = statement.value if isinstance(statement, cst.Assign) else None
    value = value.body if isinstance(value, cst.IfExp) else value
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute):
        return False
    return value.func.attr.value in ("to", "cuda") and isinstance(value.func.value, (cst.Name, cst.Subscript))


def names_written(call: cst.Call, method: str) -> list[cst.BaseExpression | None]:
    """Return the keys that a method of a dictionary writes or takes away; None among them for any others."""
    import libcst as cst

    if method not in CHANGES:
        return []
    if method != "update":
        return [call.args[0].value if call.args else None]
    written: list[cst.BaseExpression | None] = []
    for arg in call.args:
        if arg.keyword is not None:
            written.append(cst.SimpleString(repr(arg.keyword.value)))
        elif isinstance(arg.value, cst.Dict):
            written += [one.key if isinstance(one, cst.DictElement) else None for one in arg.value.elements]
        else:
            written.append(None)
    return written


def is_name(node: cst.BaseExpression, name: cst.Name) -> bool:
    return getattr(node, "value", None) == name.value


def outputs_of(m: Machine, module: Instance) -> frozenset[str]:
    """Return the code of what calls of a module give, without what those of another give as well."""
    made = [(called_module(one), getattr(one.result, "text", "")) for one in m.recording.calls]
    others = {text for other, text in made if other is not None and other is not module}
    return frozenset(text for one, text in made if one is module) - others - {""}


def called_module(call: Call) -> Instance | None:
    """Return the object of the script that a call calls, itself or wrapped to be trained by several processes."""
    maker = getattr(call.receiver, "call", None)
    if not call.callee.endswith(".__call__") or maker is None or maker.live_arguments is None:
        return None
    if maker.callee.rpartition(".")[2] in WRAPPERS:
        wrapped = object_of(maker.live_arguments[0].get(0, "module"))
        return wrapped if isinstance(wrapped, Instance) else None
    made = maker.instance
    return made if isinstance(made, Instance) and made.base is call.receiver else None


def iterated(m: Machine, value: Value) -> bool:
    """Return whether a value is an element of a loader, or of an iterator of the script that holds one."""
    obj = object_of(value)
    if isinstance(obj, Opaque):
        return of_loader(obj)
    named = ITERATED.match(value.why) if isinstance(value, Unknown) else None
    made = [cls.example for cls in m.recording.classes if named is not None and cls.name == named[1]]
    return len(made) == 1 and holds_loader(made[0])


def of_loader(thing: Opaque) -> bool:
    """Return whether an expression is a loader or, as in `for batch in loader`, an element of one."""
    while thing.operation in ("item", "call") and thing.args and thing.call is None:
        inner = object_of(thing.args[0])
        if not isinstance(inner, Opaque):
            return False
        thing = inner
    return thing.call is not None and thing.call.callee == LOADER


def holds_loader(thing: object, depth: int = 0) -> bool:
    """Return whether an object of the script has a loader in its attributes, or in those of an object there."""
    if isinstance(thing, Opaque):
        return of_loader(thing)
    if not isinstance(thing, Instance) or depth > DEEPEST:
        return False
    held = (object_of(value) for value in thing.slots.values() if isinstance(value, Value))
    return any(holds_loader(one, depth + 1) for one in held)


def batch_of_loader(m: Machine) -> Batch | None:
    """Return a batch of the only dataset of which the script makes loaders; None if there are several, or none."""
    loaders = [one.live_arguments for one in m.recording.calls if one.callee == LOADER]
    datasets = {id(object_of(args.get(0, "dataset"))): args for args, _ in loaders}
    if len(datasets) != 1:
        return None
    args, node = loaders[-1]
    data = args.get(0, "dataset")
    rows = list(rows_of(m, data))
    if len(rows) != 1:
        return None
    function, made_by = args.get(6, "collate_fn"), rows[0].made_by
    if isinstance(function, Absent) or isinstance(function, Known) and function.value is None:
        batch = collated(rows[0].value)
    else:
        batch = m.call(function, Arguments([Known(Sequence((rows[0].value,), "list", ROWS_OF_BATCH))]), node)
        made_by = (*made_by, function)
    if isinstance(data, Default):
        batch = demote(batch, data.overridden_by)
    return Batch(batch, made_by)


def rows_of(m: Machine, value: Value, depth: int = 0) -> Iterator[Batch]:
    """Yield a row of a dataset of the script, or of each that is joined to it."""
    data = object_of(value)
    if not isinstance(data, Instance) or depth > DEEPEST:
        return
    found = data.cls.lookup("__getitem__")
    made = data.base.call if isinstance(data.base, Opaque) else None
    if found is not None:
        yield Batch(m.call(found, Arguments([value, Known(Opaque("index"))]), None), (value,))
    elif made is not None and made.callee == JOINED:
        for part in listed(made.get("datasets", "$0")):
            yield from rows_of(m, part, depth + 1)


def code_of(value: Value) -> tuple[Source, cst.CSTNode] | None:
    """Return the code of a function, of a class or of an object's class of the script, and its file."""
    thing = object_of(value)
    if isinstance(thing, Bound):
        return code_of(Known(thing.function)) if thing.function is not None else code_of(thing.receiver)
    if isinstance(thing, Function):
        return thing.scope.module.source, thing.node
    cls = thing.cls if isinstance(thing, Instance) else thing
    return (cls.module.source, cls.node) if isinstance(cls, Class) and cls.node is not None else None


def listed(value: Value) -> list[Value]:
    """Return the elements of a list as it was at a call; none where there may be others."""
    plain = value.value if isinstance(value, (Known, Default)) else None
    if isinstance(value, Unknown) and lists_all(value):
        plain = value.parts
    return [one if isinstance(one, Value) else Known(one) for one in plain] if isinstance(plain, (list, tuple)) else []
