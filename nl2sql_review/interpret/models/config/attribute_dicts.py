"""Dictionaries whose keys are attributes: EasyDict, Munch, Box and similar ones, and classes that derive from dict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Known, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
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
def deep(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    growing = call.callee in GROWING
    state = entries(ModelCall(m, args, call.node))
    return Known(
        made(m, {k: attributed(m, v, call.node, growing) for k, v in state.items.items()}, state, growing),
        (args.place,) if args.place else (),
    )


@model("munch.Munch", "bunch.Bunch", "sklearn.utils.Bunch")
def shallow(call: ModelCall) -> Value:
    args = call.arguments
    state = entries(ModelCall(call.machine, args, call.node))
    return Known(made(call.machine, state.items, state, False), (args.place,) if args.place else ())


def entries(call: ModelCall) -> Items:
    args = call.arguments
    state = call.machine.mapping(args.positional[0], call.node) if args.positional else Items({})
    return Items({**state.items, **args.keywords}, state.why_incomplete or args.unknown, state.overridden_by)


def made(m: Machine, items: dict[Any, Value], state: Items, growing: bool) -> Mapping:
    new = Mapping(items, state.why_incomplete, "config", state.overridden_by)
    if growing:
        new.factory = Known(Builtin("dict", lambda call: Known(made(call.machine, {}, Items({}), True))))
    return new


def attributed(m: Machine, value: Value, node: cst.CSTNode | None, growing: bool) -> Value:
    """Return the same value with every dictionary in it turned into one with attributes."""
    obj = object_of(value)
    if isinstance(obj, Mapping):
        state = m.mapping(value, node)
        return Known(
            made(m, {k: attributed(m, v, node, growing) for k, v in state.items.items()}, state, growing), value.trace
        )
    if isinstance(obj, Sequence) and obj.kind in ("list", "tuple"):
        state = m.iterate(value, node)
        return Known(
            Sequence(
                tuple(attributed(m, v, node, growing) for v in state.items),
                obj.kind,
                state.why_incomplete,
                state.overridden_by,
            ),
            value.trace,
        )
    return value


# -- classes of the script that derive from dict ---------------------------------------------------------
@model("dict", "OrderedDict", "collections.UserDict")
def base(call: ModelCall) -> Value:
    """Fill the dictionary behind `super().__init__(…)` of such a class."""
    return call.machine.call(BUILTINS["dict"], call.arguments, call.node)


@method("dict", "__getitem__")
def get_item(call: ModelCall) -> Value:
    return call.machine.item(call.receiver, call.arguments.get(0), call.node)


@method("dict", "__setitem__")
def set_item(call: ModelCall) -> Value:
    call.machine.set_item(call.receiver, call.arguments.get(0), call.arguments.get(1), call.node, None)
    return Known(None)


@method("dict", "__contains__")
def contains(call: ModelCall) -> Value:
    return call.machine.contains(call.receiver, call.arguments.get(0), call.node)


@method("dict", "__delitem__")
def delete_item(call: ModelCall) -> Value:
    return call.machine.call(
        call.machine.attribute(call.receiver, "pop", call.node), Arguments(call.arguments.positional[:1]), call.node
    )
