"""A configuration of OmegaConf: keys that are attributes too, and values that refer to each other.

out: runs/${model.name}      # followed at every access, from the root; ${.name} from here, ${..name} from above
"""

from __future__ import annotations

import re
from typing import Any

from ....training_plan.values import Default, Either, Known, Unknown, Value, traced
from ...core import documents
from ...core.documents import Malformed
from ...core.joins import demote
from ...core.objects import Items, Mapping, Opaque, Sequence, object_of
from ...core.operations import lift
from ...core.yaml_documents import yaml_documents
from ...python.texts import concatenate, to_text

WHOLE = re.compile(r"\$\{([^{}]*)\}\Z")
HOLE = re.compile(r"\$\{([^{}]*)\}")
MOST_ASKED = 200  # interpolations that one may lead to
_asked: list[str] = []  # those it has led to so far
_resolving: list[tuple[int, str]] = []  # interpolations being looked up, to notice one that leads to itself


class Config(Mapping):
    """A DictConfig. `parent` is the config that contains it; `types` are the annotations of a structured one.

    Values are stored as written; `state` resolves their interpolations at every access.
    """

    __slots__ = ("parent", "types")
    foreign = True

    def __init__(
        self,
        items: dict[Any, Value] | None = None,
        parent: Config | None = None,
        why_incomplete: str = "",
        overridden_by: str = "",
    ) -> None:
        super().__init__(items, why_incomplete, "config", overridden_by)
        self.parent = parent
        self.types: dict[str, str] = {}

    @property
    def state(self) -> Items:
        written: Items = self.slots["state"]
        if not any(open_text(v) for v in written.items.values()):
            return written
        return written._replace(items={k: followed(v, self) for k, v in written.items.items()})

    @property
    def written(self) -> Items:
        found: Items = self.slots["state"]
        return found


def open_text(v: Value) -> bool:
    """Return whether a stored value is an interpolation, a missing mandatory value, or a list that contains one."""
    if isinstance(v, (Known, Default)):
        if isinstance(v.value, str):
            return "${" in v.value or v.value == "???"
        return isinstance(v.value, Sequence) and any(open_text(x) for x in v.value.state.items)
    return isinstance(v, Either) and any(open_text(o) for o in v.options)


def followed(v: Value, node: Config) -> Value:
    if not open_text(v):
        return v

    def one(x: Value) -> Value:
        obj = object_of(x)
        if isinstance(obj, Sequence):
            state = obj.state
            return Known(
                Sequence(
                    tuple(followed(i, node) for i in state.items), obj.kind, state.why_incomplete, state.overridden_by
                ),
                x.trace,
            )
        if isinstance(x, Known) and isinstance(x.value, str):
            return interpolated(x, node)
        return x

    return lift(one, v)


def interpolated(v: Known, node: Config) -> Value:
    text = v.value
    if text == "???":
        return Unknown("a mandatory value that the configuration does not set (???)", v.trace)
    whole = WHOLE.match(text)
    if whole is not None:
        out = reference(whole.group(1).strip(), node)
        return traced(out, (*v.trace, *out.trace)[:12]) if v.trace else out
    if HOLE.sub("", text).find("${") >= 0 or "\\${" in text:
        return Unknown(f"an interpolation that is not supported: {text}", v.trace)
    parts: list[Value] = []
    end = 0
    for hole in HOLE.finditer(text):
        parts += [Known(text[end : hole.start()]), to_text(reference(hole.group(1).strip(), node))]
        end = hole.end()
    return concatenate([*parts, Known(text[end:], v.trace)])


def reference(expression: str, node: Config) -> Value:
    """Return the value of `${expression}` within `node`."""
    name, colon, rest = expression.partition(":")
    if colon and re.fullmatch(r"[\w.]+", name):
        return resolver(name, rest, node)
    mark = (id(node), expression)
    if mark in _resolving or len(_resolving) > 20:
        return Unknown(f"the interpolation ${{{expression}}} refers to itself")
    if not _resolving:
        _asked.clear()
    _asked.append(expression)
    if len(_asked) > MOST_ASKED:
        return Unknown(f"the interpolation ${{{expression}}} refers to too many others")
    _resolving.append(mark)
    try:
        dots = len(expression) - len(expression.lstrip("."))
        here: Config | None = node
        if dots:
            for _ in range(dots - 1):
                here = here.parent if here is not None else None
        else:
            while here is not None and here.parent is not None:
                here = here.parent
        if here is None:
            return Unknown(f"the interpolation ${{{expression}}} refers to something outside the configuration")
        return select(Known(here), expression[dots:])
    finally:
        _resolving.pop()


def resolver(name: str, rest: str, node: Config) -> Value:
    words = [w.strip() for w in rest.split(",", 1)]
    if name in ("oc.env", "env"):
        variable = f"${words[0]}"
        if len(words) == 1:
            return Unknown(f"the environment variable {variable} is required")
        plain = words[1].strip("'\"")
        return demote(Known(None if plain == "null" else plain), variable)
    if name == "oc.select":
        found = select(Known(root_of(node)), words[0])
        if isinstance(found, Unknown) and len(words) > 1:
            return literal(words[1])
        return found
    return Known(Opaque(f"${{{name}:{rest}}}", "call", (), "str" if name == "now" else ""))


def root_of(node: Config) -> Config:
    while node.parent is not None:
        node = node.parent
    return node


def literal(text: str) -> Value:
    """Return the value written in a word, as on Hydra's command line."""
    try:
        found = yaml_documents(documents.Text(text), "omegaconf")
    except Malformed as e:
        return Unknown(str(e))
    return found[0]() if found else Known(None)


def select(value: Value, path: str) -> Value:
    for word in re.findall(r"[^.\[\]]+", path):
        obj = object_of(value)
        by = value.overridden_by if isinstance(value, Default) else ""
        if isinstance(obj, Mapping):
            # Of a configuration only what is asked for is followed: all of it leads to all of it again.
            state = obj.written if isinstance(obj, Config) else obj.state
            found = state.items.get(word)
            if found is None and word.isdigit():
                found = state.items.get(int(word))
            if found is not None and isinstance(obj, Config):
                found = followed(found, obj)
            if found is None:
                return Unknown(state.why_incomplete or f"there is no {path} in the configuration")
        elif (
            isinstance(obj, Sequence)
            and word.lstrip("-").isdigit()
            and int(word) < len(obj.state.items)
            and not obj.state.why_incomplete
        ):
            found = obj.state.items[int(word)]
        else:
            return value if isinstance(value, Unknown) else Unknown(f"there is no {path} in the configuration")
        value = demote(found, by) if by else found
    return value
