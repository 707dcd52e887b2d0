"""Code outside the project: library names, calls of them (recorded), and the objects that the calls return.

Models of particular functions are registered in `MODELS` by canonical name (a `ModelCall` in, a value out),
constants in `CONSTANTS`; the packages under `models/` fill both.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Callable, TypeVar

from ...libraries import store
from ...training_plan.values import Absent, Default, Known, Place, Term, Text, Unknown, Value
from .datasets import Dataset
from .machine import Machine
from .model_call import NO_RECEIVER, IterationModel, Model, ModelCall
from .names import canonical, kind_of_result, method_name, positional
from .objects import Arguments, Instance, Opaque, Scope, Sequence, object_of, plain
from .operations import describe, freeze, thaw
from .recording import Call
from .state import place_of

if TYPE_CHECKING:
    import libcst as cst

F = TypeVar("F", bound=Model)
Iteration = TypeVar("Iteration", bound=IterationModel)
MODELS: dict[str, Model] = {}
CONSTANTS: dict[str, Value] = {}
ANY_KIND = "any"  # of an object of which nothing is known
METHOD_MODELS: dict[tuple[str, str], Model] = {}  # (kind of object, method)
ATTRIBUTE_MODELS: dict[tuple[str, str], Model] = {}  # (kind of object, attribute)
DECORATORS: dict[str, Model] = {}  # canonical name of what stands above a function
ITERATION_MODELS: dict[str, IterationModel] = {}  # kind of object


def model(*names: str) -> Callable[[F], F]:
    """Register the model of library functions or classes under their canonical names."""

    def add(f: F) -> F:
        for name in names:
            MODELS[name] = f
        return f

    return add


def method_model(kinds: str, *names: str) -> Callable[[F], F]:
    """Register the model of methods, of objects of these kinds (separated by blanks)."""

    def add(f: F) -> F:
        for kind in kinds.split():
            for name in names:
                METHOD_MODELS[kind, name] = f
        return f

    return add


def iteration_model(*kinds: str) -> Callable[[Iteration], Iteration]:
    """Register what gives the elements of objects of these kinds."""

    def add(f: Iteration) -> Iteration:
        for kind in kinds:
            ITERATION_MODELS[kind] = f
        return f

    return add


# -- names -----------------------------------------------------------------------------------------------
def library_name(m: Machine, base: str, name: str) -> Value:
    """Return what a name of a library stands for: a constant, something that the script has set, or the name itself."""
    path = canonical(f"{base}.{name}" if base else name)
    if path in CONSTANTS:
        return CONSTANTS[path]
    if path in m.shared:
        return m.shared[path].value
    return Known(Opaque(path))


@lru_cache(maxsize=1024)
def star_library(libraries: tuple[str, ...], name: str) -> str:
    """Return which of the libraries a name is from, if the script imports everything from each of them, in this order.

    It is the last that is known to offer the name, else the first that may.
    """
    if len(libraries) == 1:
        return libraries[0]
    known = [library for library in libraries if _offers(library, name)]
    if known:
        return known[-1]
    return next(
        (one for one in libraries if one.split(".")[0] not in (*LISTED, *sys.stdlib_module_names)), libraries[0]
    )


LISTED = ("trl", "peft")  # libraries whose tables list every name that they export
OF_TRANSFORMERS = re.compile(r"Auto[A-Z]\w*|\w+(?:ForCausalLM|ForConditionalGeneration|Tokenizer|TokenizerFast)")


def _offers(library: str, name: str) -> bool:
    """Return whether a library is known to offer a name: by its tables, or because the name is modelled."""
    path = canonical(f"{library}.{name}")
    if path in CONSTANTS or any(one == path or one.startswith(f"{path}.") for one in MODELS):
        return True
    root, _, rest = path.partition(".")
    if root == "transformers" and OF_TRANSFORMERS.fullmatch(rest):
        return True
    return bool(store.exported(root, rest)) or store.knows(root, rest)


def imported(m: Machine, node: cst.CSTNode | None, scope: Scope, names: list[str]) -> None:
    """Record every name that a plain run imports, with its place: the order of imports matters to Unsloth."""
    if not m.silent and not m.unlikely:
        m.recording.imports.extend((name, place_of(scope, node)) for name in names)


def library_attribute(m: Machine, owner: Known, v: Opaque, name: str, node: cst.CSTNode | None) -> Value | None:
    """Return the attribute of a library's name or object; None if nothing is known of it."""
    if v.operation == "symbol":
        path = canonical(f"{v.text}.{name}")
        if path in CONSTANTS:
            return CONSTANTS[path]
        if path in m.shared:
            return m.shared[path].value
        found = m.modules.get(path)
        if found is not None and path.split(".")[0] in m.modules:
            return Known(found)
        return Known(Opaque(path))
    run = ATTRIBUTE_MODELS.get((v.kind, name))
    if run is not None:
        return run(ModelCall(m, Arguments(), node, name, owner))
    if name == "model" and v.kind.endswith("Trainer") and v.call is not None and wraps_model(v.call):
        made = Known(Opaque(f"{v.text}.model", "call", (), "model", v.call), owner.trace)
        m.write(v, name, made)
        return made
    if (
        v.call is not None
        and name in v.call.arguments
        and v.kind not in ("model", "datasets.Dataset", "transformers.PreTrainedTokenizer")
        and keeps_arguments(v.call.callee)
    ):
        return thaw(v.call.arguments[name])
    return None


def keeps_arguments(callee: str) -> bool:
    """Return whether a call's result has the arguments as attributes: objects of classes do, function results do not.

    The `headers` of the result of `requests.get(url, headers=…)` are not the headers that were sent.
    """
    name = callee.rpartition(".")[2]
    return name[:1].isupper() or name.startswith("from_") or callee == "wandb.init"


def wraps_model(call: Call) -> bool:
    """Return whether a trainer has a model of its own: loaded by name, or made from the given model and an adapter."""
    config = call.get("peft_config")
    adapts = not isinstance(config, Absent) and not (isinstance(config, Known) and config.value is None)
    return adapts or isinstance(plain(call.get("model")), str)


DATA_OF_TORCH = ("torch.utils.data.DataLoader", "torch.utils.data.ConcatDataset")


# -- calls -----------------------------------------------------------------------------------------------
def call_library(
    m: Machine, f: Opaque, args: Arguments, node: cst.CSTNode | None, instance: Value | None = None
) -> Value:
    """Record the call and return its result. `instance`: the script's object whose library base is being made."""
    receiver: Value | None = None
    callee = f.text
    if f.operation == "attribute":
        receiver = f.args[0]
        owner = object_of(receiver)
        name = plain(f.args[1])
        callee += f".{name}" if callee.endswith("…") else ""  # what was cut is its end
        if isinstance(owner, Opaque):
            run = METHOD_MODELS.get((owner.kind or owner.callee, name))
            callee = method_name(owner.kind, name) if owner.kind else callee
            if run is None and not owner.kind and (made := _of_any_kind(m, str(name), args, node, callee, receiver)):
                return made
            if run is not None:
                return run(ModelCall(m, args, node, callee, receiver)) or Unknown(f"{callee}()")
    elif (f.kind, "__call__") in METHOD_MODELS:
        return METHOD_MODELS[f.kind, "__call__"](ModelCall(m, args, node, "__call__", Known(f))) or Unknown(
            f"{f.text}()"
        )
    elif f.operation == "call":
        return m.called(f, args, node)
    elif callee.endswith(".__init__") and args.positional and isinstance(object_of(args.positional[0]), Instance):
        return base_init(m, Opaque(callee.removesuffix(".__init__")), args, node)
    elif callee.count(".") > 1 and f.operation == "symbol":  # of an object that a module which is not read defines
        owner_name, _, name = callee.rpartition(".")
        if made := _of_any_kind(m, name, args, node, callee, Known(Opaque(owner_name))):
            return made
    run = MODELS.get(callee)
    if run is not None:
        value = run(ModelCall(m, args, node, callee))
        if value is not None:
            return value
    call = record(m, callee, args, node, receiver, instance)
    value = result(m, f, callee, call, args, node, receiver)
    if callee.endswith("Trainer") or callee in DATA_OF_TORCH:
        m.after_construction(call, args, node)
    return value


def _of_any_kind(
    m: Machine, name: str, args: Arguments, node: cst.CSTNode | None, callee: str, receiver: Value | None
) -> Value | None:
    """Return the result of a method that means the same wherever it is likely to be met, or None."""
    run = METHOD_MODELS.get((ANY_KIND, name))
    return run(ModelCall(m, args, node, callee, receiver)) if run is not None and receiver is not None else None


def base_init(m: Machine, base: Opaque, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Make the library part of an object when a class of the script calls `Trainer.__init__(self, …)`."""
    rest = Arguments(args.positional[1:], args.keywords, args.place)
    rest.places = {(k - 1 if isinstance(k, int) else k): p for k, p in args.places.items() if k != 0}
    rest.open_as(args)
    object_of(args.positional[0]).base = object_of(call_library(m, base, rest, node, args.positional[0]))
    return Known(None)


def record_call(call: ModelCall) -> Call:
    """Record the call that a model handles, unchanged."""
    receiver = call.receiver if call.receiver is not NO_RECEIVER else None
    return record(call.machine, call.callee, call.arguments, call.node, receiver)


def record(
    m: Machine,
    callee: str,
    args: Arguments,
    node: cst.CSTNode | None,
    receiver: Value | None = None,
    instance: Value | None = None,
) -> Call:
    """Record a call of a library, with its arguments by name as they are now, and return the record."""
    names = positional(callee)
    arguments: dict[str, Value] = {}
    places: dict[str, Place] = {}
    for i, v in enumerate(args.positional):
        key = names[i] if i < len(names) else f"${i}"
        arguments[key] = portable(m, freeze(v))
        if i in args.places:
            places[key] = args.places[i]
    for key, v in args.keywords.items():
        arguments[key] = portable(m, freeze(v))
        if key in args.places:
            places[key] = args.places[key]
    place = args.place or place_of(m.frame.scope, node)
    call = Call(
        callee,
        arguments,
        place,
        places,
        object_of(receiver) if receiver is not None else None,
        unknown_arguments=args.unknown,
        more_by=args.more_by,
        overridden_by=args.overridden_by,
    )
    call.live_arguments = (args, node)
    if place.node is not None:  # else nobody wrote this call: a class that is only tried
        m.record(call)
    if instance is not None:
        call.instance = object_of(instance)
    return call


PROJECT = Term("<project>", "symbol")  # the folder the project lies in: where that is, only the run knows


def portable(m: Machine, value: Value) -> Value:
    """Return an argument as on any machine: in an absolute path within the project, a hole replaces the root."""
    if not isinstance(value, (Known, Default)) or m.project.root is None:
        return value
    root = str(m.project.root)
    v = value.value
    if isinstance(v, PurePosixPath) or isinstance(v, str) and v.startswith(root):
        text = str(v)
        if text == root or text.startswith(root + "/"):
            return Text((PROJECT, text[len(root) :]) if text != root else (PROJECT,), value.trace)
    elif isinstance(v, (list, tuple, dict)) and root + "/" in repr(v):
        inner = (
            {k: portable(m, Known(x)) for k, x in v.items()}
            if isinstance(v, dict)
            else [portable(m, Known(x)) for x in v]
        )
        return Unknown("the project's location is known only at run time", value.trace, inner)
    return value


def result(
    m: Machine, f: Opaque, callee: str, call: Call, args: Arguments, node: cst.CSTNode | None, receiver: Value | None
) -> Value:
    """Return what a recorded call gives: a model and its tokenizer, a dataset, or an object named after the call."""
    kind = kind_of_result(callee)
    trace = (call.place,)
    if kind == "model+tokenizer":
        name = callee.rsplit(".", 1)[0]
        pair = tuple(
            Known(Opaque(word, "call", (), k, call), trace)
            for word, k in (("model", "model"), ("tokenizer", "transformers.PreTrainedTokenizer"))
        )
        call.result = pair[0].value
        call.second_result = pair[1].value
        return Known(Sequence(pair, "tuple"), trace) if name else pair[0]
    if kind == "datasets.Dataset":
        dataset = Dataset(
            f"{callee.rsplit('.', 1)[-1]}({', '.join(describe(a, 40) for a in args.positional[:2])})", call
        )
        call.result = dataset
        return Known(dataset, trace)
    keywords = tuple(Known(Opaque(k, "keyword", (a,))) for k, a in args.keywords.items())
    owner = (Known(Opaque(callee.rpartition(".")[2], "receiver", f.args[:1])),) if f.operation == "attribute" else ()
    frozen = tuple(freeze(a) for a in (*args.positional, *keywords, *owner))
    inner = ", ".join(
        [*(describe(a, 30) for a in args.positional), *(f"{k}={describe(a, 30)}" for k, a in args.keywords.items())]
    )
    text = callee if object_of(receiver) is not None and object_of(receiver).kind else f.text
    out = Opaque(f"{text}({inner})" if len(inner) < 120 else f"{text}(…)", "call", frozen, kind, call)
    if kind in ("model", "transformers.PreTrainedTokenizer"):
        first = next(
            (
                object_of(a)
                for a in (*args.positional[:1], *args.keywords.values())
                if isinstance(object_of(a), Opaque) and object_of(a).kind == kind
            ),
            None,
        )
        if first is not None:  # wraps and returns what it was given
            out.slots.update(first.slots)
    call.result = out
    return Known(out, trace)


def record_write(m: Machine, obj: Opaque, name: str, value: Value, node: cst.CSTNode | None, scope: Scope) -> None:
    """Record that the script sets an attribute of a library's object."""
    owner = obj.kind or obj.text
    if f"{owner}.{name}" in m.shared:
        m.write(m.shared[f"{owner}.{name}"], "value", value)
    if not owner.startswith(RECORDED_WRITES) and obj.kind != "model":
        return
    place = place_of(scope, node)
    m.record(Call(f"{owner}.{name}=", {name: freeze(value)}, place, {name: place}, obj))


RECORDED_WRITES = ("transformers.", "trl.", "peft.", "unsloth", "os.environ", "wandb", "config", "torch.")


def log(m: Machine, callee: str, args: Arguments, node: cst.CSTNode | None) -> None:
    """Record lines that the script prints or logs, so that they can be compared with the values of the run."""
    if node is not None:
        record(m, callee, args, node)


# -- decorators ------------------------------------------------------------------------------------------
def decorated(m: Machine, decorator: Opaque, fn: Value, node: cst.CSTNode | None) -> Value | None:
    """Return the result of a library's decorator on a function, or None for the function itself, as far as is known."""
    run = METHOD_MODELS.get((decorator.kind, "__call__")) if decorator.kind else None
    if run is not None:
        return run(ModelCall(m, Arguments([fn]), node, "__call__", Known(decorator)))
    run = DECORATORS.get(decorator.text.split("(")[0])
    return run(ModelCall(m, Arguments([fn]), node, decorator.text, Known(decorator))) if run is not None else None
