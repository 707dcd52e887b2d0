"""State of one model, call by call: which adapters it has, which of them trains, what is frozen.

Wrapping is in place: the base model, the result of `get_peft_model` and the result of a merge are one set of
weights under several names. The calls are replayed over all of these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

from ..interpret.core.objects import Object, Opaque
from ..interpret.core.operations import describe
from ..interpret.core.recording import Call
from ..training_plan.values import Absent, Default, Known, Place, Trace, Unknown, Value
from .chosen_parameters import decides, freezes, guards, of_every_parameter
from .object_settings import ObjectSettings, last, makers, objects
from .run import Run, call_of, is_model_load

ADAPTER_LOADERS = ("PeftModel", "AutoPeft", "PeftMixedModel")
PREPARES = ("prepare_model_for_kbit_training", "prepare_model_for_int8_training")
WRAPPERS = ("get_peft_model", "add_adapter", *PREPARES, "for_training", "for_inference", "load_adapter")
WHILE = "disable_adapter"  # for as long as its `with` lasts
SWITCHES_OFF = (WHILE, "disable_adapter_layers", "disable_adapters")
SWITCHES_ON = ("enable_adapter_layers", "enable_adapters")
DEFAULT_NAME = "default"  # of an adapter that is given no name


@dataclass(slots=True)
class Adapter:
    """An adapter of a model. `trains`: True, False, or None if it is not known (`why`)."""

    name: str
    call: Call
    place: Place
    trains: bool | None = True
    why: str = ""
    kind: str = ""  # why it does not train: "loaded", "inference mode", "saved configuration", "folder"
    trace: Trace = ()  # of the value that says so


@dataclass(slots=True)
class Event:
    """A call on a model that is wrong whatever follows; `kind` names the mistake."""

    kind: str
    place: Place
    adapter: str = ""


@dataclass(slots=True)
class ModelState:
    load: Call | None = None
    adapters: dict[str, Adapter] = field(default_factory=dict)
    active: str = ""
    frozen: Place | None = None  # what froze the adapters after they were made
    frozen_by: str = ""
    merged: Call | None = None
    bare_frozen: bool = False  # the base was frozen for an adapter that is gone
    unsloth: bool = False
    doubt: str = ""  # why the state is not known
    events: list[Event] = field(default_factory=list)

    @property
    def adapter(self) -> Adapter | None:
        """The adapter that the forward pass goes through."""
        return self.adapters.get(self.active)


def family(run: Run, thing: Object | None) -> list[Any]:
    """Return all objects that share the weights of a model: its sources, and everything made from it."""
    members: list[Any] = []
    waiting = [thing]
    while waiting and len(members) < 50:
        one = waiting.pop()
        if one is None or any(one is m for m in members):
            continue
        members.append(one)
        call = call_of(one)
        if call is None or is_model_load(call):
            continue
        waiting += objects(call.get("model", "base_model", "$0"))
        waiting += [call.receiver] if call.receiver is not None else []
    for call in run.calls:
        if not call.conditional and wraps(call) and call.result is not None:
            if any(of is m for of in objects(call.get("model", "$0")) for m in members):
                members += [call.result] if not any(call.result is m for m in members) else []
    return members


def wraps(call: Call) -> bool:
    return last(call.callee) in WRAPPERS or loads_adapter(call)


def loads_adapter(call: Call) -> bool:
    """Return whether a call loads an adapter.

    `PeftModel.from_pretrained(base, folder)` and `AutoPeftModelForCausalLM.from_pretrained(folder)` do.
    """
    owner, _, name = call.callee.rpartition(".")
    return name == "from_pretrained" and last(owner).startswith(ADAPTER_LOADERS)


def subject(call: Call) -> Iterator[Any]:
    """Yield the models that a call may change: its receiver, the owners of that, and its arguments."""
    if call.receiver is not None:
        yield from owners(call.receiver)
    for name in ("model", "base_model", "$0"):
        yield from objects(call.arguments.get(name, Absent()))


def owners(thing: Object | None, depth: int = 0) -> Iterator[Any]:
    """Yield an object and the objects it was taken from, such as the model of `model.named_parameters()[i][1]`."""
    while thing is not None and depth < 12:
        yield thing
        depth += 1
        part = getattr(thing, "operation", "") == "attribute" and bool(getattr(thing, "args", ()))
        if getattr(thing, "kind", "") == "model" and not part:
            return
        call = getattr(thing, "call", None)
        if call is not None:
            thing = call.receiver
        elif isinstance(thing, Opaque) and thing.operation in ("item", "attribute", "call") and thing.args:
            thing = next(objects(thing.args[0]), None)
        else:
            return


def replay(run: Run, thing: Object | None, until: int | None = None) -> ModelState:
    """Return the state of a model before the call with the order `until`, or at the end of the script without it."""
    members = set(map(id, family(run, thing)))
    chain = set(map(id, backward(thing)))
    state = ModelState()
    for call in run.calls:
        if until is not None and call.order >= until:
            break
        own = id(call) in chain
        if own or not members.isdisjoint(map(id, subject(call))):
            apply(run, state, call, own)
    return state


def backward(thing: Object | None) -> list[Call]:
    """Return the calls that made a model, the last one first."""
    found: list[Call] = []
    waiting = [thing]
    while waiting and len(found) < 50:
        call = call_of(waiting.pop())
        if call is None or any(call is c for c in found):
            continue
        found.append(call)
        if not is_model_load(call):
            waiting += [*objects(call.get("model", "base_model", "$0"))]
            waiting += [call.receiver] if call.receiver is not None else []
    return found


def apply(run: Run, state: ModelState, call: Call, own: bool) -> None:
    """Apply one call to the state. `own`: the model is the result of this call, so it surely ran."""
    name = last(call.callee)
    sure = own or not call.conditional
    if is_model_load(call) and not loads_adapter(call):
        state.load, state.unsloth = call, call.callee.startswith("unsloth")
        folder = adapter_folder(run, call)
        if folder is not None and not state.unsloth:
            add(state, Adapter(DEFAULT_NAME, call, folder, False, "", "folder"))
        return
    if name in ("from_pretrained", "load_adapter") and (loads_adapter(call) or name == "load_adapter"):
        return loaded(state, call, sure)
    if name in ("get_peft_model", "add_adapter"):
        return made(state, call, sure)
    if name in PREPARES:
        if state.adapters and sure:
            freeze(state, call.place, "prepared")
    elif name in ("merge_and_unload", "unload"):
        merged(state, call, sure)
    elif name == "set_adapter":
        activate(state, call, sure)
    elif name in ("requires_grad=", "requires_grad_"):
        gradients(state, call, sure)
    elif name in SWITCHES_OFF:
        if state.adapters and sure and (name != WHILE or trained_within(run, call)):
            freeze(state, call.place, "disabled")
    elif name in SWITCHES_ON:
        state.frozen = state.frozen if state.frozen_by != "disabled" else None
    elif name in ("delete_adapter", "add_weighted_adapter", "unfreeze"):
        state.doubt = f"the effect of {name}() is not tracked"


def trained_within(run: Run, call: Call) -> bool:
    """Return whether a training call stands in the `with` statement that a call opens."""
    import libcst as cst

    nodes = call.place.source.nodes
    opened = [node for node in nodes.path(call.place.node) if isinstance(node, cst.With)]
    return any(
        node is opened[-1] for train in run.train if opened for node in train.place.source.nodes.path(train.place.node)
    )


def add(state: ModelState, adapter: Adapter) -> None:
    state.adapters[adapter.name] = adapter
    state.active = state.active or adapter.name
    state.frozen, state.frozen_by, state.merged = None, "", None


def loaded(state: ModelState, call: Call, sure: bool) -> None:
    name, why = adapter_name(call)
    asked = call.get("is_trainable", "$3" if last(call.callee) == "from_pretrained" else "$2")
    trains: bool | None = None
    place = call.places.get("is_trainable", call.place)
    if isinstance(asked, (Known, Default)):
        trains = asked.value is True
    elif isinstance(asked, Absent) and not call.unknown_arguments:
        trains = False
    why_not = call.unknown_arguments or asked.why
    adapter = Adapter(name, call, place, trains, why_not, "loaded", asked.trace)
    if not sure or why:
        state.doubt = why or f"it depends on {call.condition or 'the path taken'} which adapter the model has"
    if last(call.callee) == "from_pretrained":
        state.adapters.clear()
        state.active = ""
    add(state, adapter)


def adapter_name(call: Call) -> tuple[str, str]:
    if last(call.callee) == "add_adapter":  # peft takes the name first, transformers the configuration
        places = [v for v in (call.get("$0"), call.get("$1")) if isinstance(v, (Known, Default))]
        name = call.get("adapter_name")
        name = next((v for v in places if isinstance(v.value, str)), name) if isinstance(name, Absent) else name
    else:
        name = call.get("adapter_name", "$1" if last(call.callee) == "load_adapter" else "$2")
    if isinstance(name, (Known, Default)) and isinstance(name.value, str):
        return name.value, ""
    if isinstance(name, Absent):
        return DEFAULT_NAME, ""
    return "?", "the name of an adapter is unknown"


def made(state: ModelState, call: Call, sure: bool) -> None:
    """Apply `get_peft_model` or `add_adapter`: a new adapter, on a model that should have none."""
    fast = call.callee.startswith("unsloth")
    name, why = adapter_name(call) if not fast else (DEFAULT_NAME, "")
    adapter = Adapter(name, call, call.place)
    settings = config_of(call)
    for maker, made_object in settings.makers:
        judge_config(adapter, settings, maker, made_object)
    if why:
        state.doubt = why
    peft = bool(state.adapters) and not fast and not state.unsloth
    if last(call.callee) == "add_adapter":
        if peft and any(a.kind != "folder" for a in state.adapters.values()):
            add(state, adapter)  # it adds, and does not switch
        else:
            state.active = ""
            add(state, adapter)
        return
    if peft and sure and not state.doubt:
        state.events.append(Event("replaced", call.place, name))
    elif peft:
        state.doubt = f"it depends on {call.condition or 'the path taken'} which adapter the model has"
    state.adapters.clear()
    state.active = ""
    add(state, adapter)


def config_of(call: Call) -> ObjectSettings:
    names = ("peft_config", "adapter_config", "config")
    first = makers(call.get(*names, "$0")) if last(call.callee) == "add_adapter" else ObjectSettings()
    return first if first.makers else makers(call.get(*names, "$1"))


def judge_config(adapter: Adapter, settings: ObjectSettings, maker: Call | None, made_object: Object | None) -> None:
    """Mark an adapter as frozen if it is made with `inference_mode=True` or from the configuration of a saved one."""
    one = ObjectSettings([(maker, made_object)])
    mode = one.value("inference_mode")
    if isinstance(mode, (Known, Default)):
        if mode.value is True:
            adapter.trains, adapter.kind = False, "inference mode"
            adapter.place = one.where("inference_mode") or adapter.place
            adapter.trace = mode.trace
    elif isinstance(mode, Absent):
        if maker is not None and maker.callee.endswith(".from_pretrained"):
            adapter.trains, adapter.kind = False, "saved configuration"
    elif isinstance(mode, Unknown) and maker is not None and "inference_mode" in maker.arguments:
        adapter.trains, adapter.why = None, mode.why


def merged(state: ModelState, call: Call, sure: bool) -> None:
    if not state.adapters:
        return
    if not sure:
        state.doubt = f"it depends on {call.condition or 'the path taken'} whether the adapter is merged"
        return
    state.adapters.clear()
    state.active, state.merged, state.bare_frozen = "", call, True


def activate(state: ModelState, call: Call, sure: bool) -> None:
    """Apply `set_adapter`: it activates the adapter that it names and makes it trainable."""
    name = call.get("adapter_name", "$0")
    if isinstance(name, (Known, Default)) and isinstance(name.value, str) and name.value in state.adapters and sure:
        state.active = name.value
        state.adapters[name.value].trains = True
        state.frozen = None
    else:
        state.doubt = "it is unknown which adapter set_adapter() activates"


def freeze(state: ModelState, place: Place, by: str) -> None:
    if state.frozen is None:
        state.frozen, state.frozen_by = place, by


def gradients(state: ModelState, call: Call, sure: bool) -> None:
    """Apply a write of `requires_grad`: off for every parameter freezes the adapter, others may unfreeze it."""
    value = next(iter(call.arguments.values()), Known(True))
    whole = getattr(call.receiver, "kind", "") == "model" and call.callee.endswith("requires_grad_")
    if not whole and not of_every_parameter(call):
        if state.adapters or state.bare_frozen:
            state.doubt = state.doubt or "it is unknown which parameters are frozen"
        return
    off = isinstance(value, (Known, Default)) and value.value is False
    tests = [] if whole else guards(call)
    if not isinstance(value, (Known, Default)):  # a test of the name decides
        if "lora" not in describe(value):
            state.doubt = f"it is unknown for which parameters `{describe(value)}` holds"
    elif (not off and state.frozen or state.adapters and freezes(call, tests)) and (on := decides(call)):
        state.doubt = f"it depends on {on} whether the parameters are frozen"
    elif off and tests and freezes(call, tests):
        freeze(state, call.place, "frozen")
    elif off and not tests:
        if call.conditional and not whole and "how many there are" not in call.condition:
            state.doubt = f"it depends on {call.condition} whether the parameters are frozen"
        elif state.adapters:
            freeze(state, call.place, "frozen")
        else:
            state.bare_frozen = False
    elif off:
        if not any("lora" in t for t in tests):
            state.doubt = f"it is unknown which parameters `{tests[-1]}` selects"
    else:
        state.frozen, state.frozen_by, state.bare_frozen = None, "", False
        for adapter in state.adapters.values():
            adapter.trains = True


def adapter_folder(run: Run, call: Call) -> Place | None:
    """Return the argument of a plain loader that names a folder with an adapter, or None if there is none."""
    names = ("pretrained_model_name_or_path", "model_name", "$0")
    value: Value = call.get(*names)
    if not isinstance(value, (Known, Default)):
        return None
    name = str(getattr(value.value, "text", value.value))
    project = run.recording.project
    if project is None or project.root is None or not name or "\0" in name:
        return None
    base = Path(run.source.path).parent
    if any(project.is_file(folder / name / "adapter_config.json") for folder in (base, project.root)):
        return next((call.places[n] for n in names if n in call.places), call.place)
    return None
