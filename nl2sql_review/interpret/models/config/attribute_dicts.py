"""Dictionaries whose keys are attributes: EasyDict, Munch, Box and their like, and classes that derive from dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Known, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.objects import Arguments, Builtin, Items, Mapping, Sequence, object_of
from ...python.builtins import BUILTINS, method

if TYPE_CHECKING:
    import libcst as cst

DEEP = (
    "easydict.EasyDict", "munch.munchify", "munch.Munch.fromDict", "munch.DefaultMunch.fromDict", "box.Box",
    "box.ConfigBox", "attrdict.AttrDict", "addict.Dict", "dotmap.DotMap", "ml_collections.ConfigDict",
    "ml_collections.FrozenConfigDict", "ml_collections.config_dict.ConfigDict", "dotwiz.DotWiz", "dotwiz.DotWizPlus",
    "attridict.AttriDict", "prodict.Prodict.from_dict", "addict.addict.Dict",
)  # fmt: skip
GROWING = ("addict.Dict", "dotmap.DotMap", "addict.addict.Dict")  # a key that is missing is made


@model(*DEEP)
def deep(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    growing = callee in GROWING
    state = entries(m, args, node)
    return Known(
        made(m, {k: attributed(m, v, node, growing) for k, v in state.items.items()}, state, growing),
        (args.place,) if args.place else (),
    )


@model("munch.Munch", "bunch.Bunch", "sklearn.utils.Bunch")
def shallow(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    state = entries(m, args, node)
    return Known(made(m, state.items, state, False), (args.place,) if args.place else ())


def entries(m: Machine, args: Arguments, node: cst.CSTNode | None) -> Items:
    state = m.mapping(args.positional[0], node) if args.positional else Items({})
    return Items({**state.items, **args.keywords}, state.open or args.unknown, state.by)


def made(m: Machine, items: dict[Any, Value], state: Items, growing: bool) -> Mapping:
    new = Mapping(items, state.open, "config", state.by)
    if growing:
        new.factory = Known(Builtin("dict", lambda m, args, node: Known(made(m, {}, Items({}), True))))
    return new


def attributed(m: Machine, value: Value, node: cst.CSTNode | None, growing: bool) -> Value:
    """The same value with every dictionary in it made one of attributes."""
    obj = object_of(value)
    if isinstance(obj, Mapping):
        state = m.mapping(value, node)
        return Known(
            made(m, {k: attributed(m, v, node, growing) for k, v in state.items.items()}, state, growing), value.trace
        )
    if isinstance(obj, Sequence) and obj.kind in ("list", "tuple"):
        state = m.iterate(value, node)
        return Known(
            Sequence(tuple(attributed(m, v, node, growing) for v in state.items), obj.kind, state.open, state.by),
            value.trace,
        )
    return value


# -- classes of the script that derive from dict ---------------------------------------------------------
@model("dict", "OrderedDict", "collections.UserDict")
def base(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    """What `super().__init__(…)` of such a class fills."""
    return m.call(BUILTINS["dict"], args, node)


@method("dict", "__getitem__")
def get_item(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return m.item(receiver, args.get(0), node)


@method("dict", "__setitem__")
def set_item(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    m.set_item(receiver, args.get(0), args.get(1), node, None)
    return Known(None)


@method("dict", "__contains__")
def contains(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return m.contains(receiver, args.get(0), node)


@method("dict", "__delitem__")
def delete_item(m: Machine, receiver: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    return m.call(m.attribute(receiver, "pop", node), Arguments(args.positional[:1]), node)
