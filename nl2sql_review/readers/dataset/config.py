"""How the script describes its datasets."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Iterator

from ...interpret.core.objects import Class, Mapping, Sequence
from ...interpret.core.recording import NOT_GIVEN
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Known, Place, Unknown, Value
from ..run import Run

if TYPE_CHECKING:
    import libcst as cst

    from ...training_plan import facts

NAMED = re.compile(
    r"(data|dataset|datasets|corpus)_?(set)?_?(config|spec|source|info|entry|settings|cfg|definition|meta)s?$", re.I
)
KINDS = {
    "dataclass": "dataclass",
    "pydantic": "pydantic model",
    "attrs": "attrs class",
    "namedtuple": "named tuple",
    "typeddict": "TypedDict",
}
# A class or a dict is taken for the description of a dataset when it says where one is and how much of it to take.
WHERE = (
    "path",
    "file",
    "source",
    "url",
    "hf_path",
    "hub_id",
    "data_path",
    "dataset_path",
    "dataset_name",
    "data_files",
    "repo",
)
SHARE = (
    "weight",
    "probability",
    "prob",
    "ratio",
    "sampling_weight",
    "sample_weight",
    "proportion",
    "max_samples",
    "weighting",
)
NAMES = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")


def read(run: Run, part: facts.Dataset) -> None:
    at = run.trainer.place if run.trainer is not None else run.place
    cls = config_class(run)
    if cls is None:
        part.config_class, kind = no_class(run, at)
        part.config_kind = Fact(kind, at=part.config_class.at)
        for name in ("config_fields", "unimported_names"):
            setattr(part, name, Fact(Absent("no class describes the datasets"), at=part.config_class.at))
        return
    import libcst as cst

    place = Place(cls.module.source, cls.node.name if isinstance(cls.node, cst.ClassDef) else cls.node)
    trace = (place,)
    part.config_class = Fact(Known(cls.name, trace), at=place)
    part.config_kind = Fact(Known(KINDS.get(cls.kind, cls.kind), trace), at=place)
    fields = list(all_fields(cls))
    part.config_fields = (
        Fact(Known(fields, trace), at=place) if fields else Fact(Known(plain_fields(cls), trace), at=place)
    )
    part.unimported_names = unimported(cls, place)


def config_class(run: Run) -> Class | None:
    """Return the class that describes a dataset, by its name, else by its fields. A class that is used is preferred."""
    classes = [c for c in run.recording.classes if isinstance(c, Class) and c.kind != "enum"]
    named = [c for c in classes if NAMED.search(c.name)]
    written: dict[int, list[str]] = {}  # a class in a loop is defined many times, and its body is looked through once
    shaped = [c for c in classes if describes(all_fields(c) or plain_fields(c, written))]
    candidates = [c for c in named if c in shaped] or [c for c in shaped if c.used] or named or shaped
    return next((c for c in candidates if c.used), candidates[0] if candidates else None)


def describes(names: Collection[str]) -> bool:
    return any(n in WHERE for n in names) and any(n in SHARE for n in names)


def all_fields(cls: Class) -> list[str]:
    names: list[str] = []
    for one in reversed(cls.mro()):
        names += [f for f in getattr(one, "fields", ()) if f not in names]
    return names


def plain_fields(cls: Class, written: dict[int, list[str]] | None = None) -> list[str]:
    """List the attributes that the methods of an ordinary class set on `self`, and those of its body.

    written  of classes asked for before, by the id of their node: what their methods set; it is filled in
    """
    names = [
        n for n, v in cls.slots.items() if not n.startswith("_") and not hasattr(getattr(v, "value", None), "node")
    ]
    if cls.node is None:
        return names
    written = {} if written is None else written
    if id(cls.node) not in written:
        written[id(cls.node)] = set_on_self(cls.node)
    return list(dict.fromkeys([*names, *written[id(cls.node)]]))


def set_on_self(node: cst.ClassDef) -> list[str]:
    import libcst as cst

    from ...source.syntax import all_of, dotted

    targets = [one.target for one in all_of(cst.AssignTarget, node)]
    return [one.attr.value for one in targets if isinstance(one, cst.Attribute) and dotted(one.value) == "self"]


def no_class(run: Run, at: Place | None) -> tuple[Fact, Any]:
    main = run.recording.modules.get("__main__")
    slots = main.scope.slots if main is not None else {}
    for name, value in slots.items():
        if NAMED.search(name) and name[:1].isupper() and not name.isupper() and not isinstance(value, Absent):
            why = f"{name} is imported from a module outside the project"
            return Fact(Unknown(why, value.trace), at=value.trace[-1] if value.trace else at), Unknown(why)
    for value in slots.values():
        thing = getattr(value, "value", None)
        if isinstance(thing, (Sequence, Mapping)) and any(_dict_config(v) for v in _members(thing)):
            place = value.trace[0] if value.trace else at
            return Fact(Absent("the datasets are described by dicts, not by a class"), at=place), Absent("dicts")
    why = handed_in(run)
    if why:
        return Fact(Unknown(why), at=at), Unknown(why)
    return Fact(Absent("no class describes the datasets"), at=at), Absent("no class describes the datasets")


def handed_in(run: Run) -> str:
    """Return why the caller describes the datasets: they come in through a parameter that is not given here."""
    if run.trainer is None or run.trainer.reached:
        return ""
    data = (v for c in run.calls if c.callee.startswith("datasets.") for v in c.arguments.values())
    why = next((v.why for v in (run.dataset, *data) if isinstance(v, Unknown) and v.why.endswith(NOT_GIVEN)), "")
    return f"the datasets come from elsewhere: {why}" if why else ""


def _members(thing: Sequence | Mapping) -> Iterator[Any]:
    items = thing.state.items
    yield from items.values() if isinstance(items, dict) else items


def _dict_config(value: Value) -> bool:
    inner = getattr(value, "value", None)
    return isinstance(inner, Mapping) and describes(inner.state.items)


def unimported(cls: Class, place: Place) -> Fact:
    """Return names in annotations that nothing defines: a NameError when the class is created.

    With `from __future__ import annotations` a dataclass never evaluates them; pydantic does.
    """
    module = cls.module
    text = getattr(module.source, "text", "") or ""
    lazy = re.search(r"^from __future__ import .*\bannotations\b", text, re.M) is not None
    if "import *" in text or lazy and cls.kind != "pydantic":
        return Fact(Known([], (place,)), at=place)
    missing: list[str] = []
    at = place
    for field in cls.fields.values():
        annotation = re.sub(r"'[^']*'|\"[^\"]*\"", " ", field.annotation)
        for found in NAMES.findall(annotation):
            name = found.partition(".")[0]
            if (
                name not in module.scope.slots
                and not hasattr(builtins, name)
                and name not in cls.slots
                and name not in missing
            ):
                missing.append(name)
                at = Place(module.source, field.node) if field.node is not None else at
    return Fact(Known(missing, (at,)), at=at)
