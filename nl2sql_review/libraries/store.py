"""Interfaces of each known release: parameters and defaults of the calls in training scripts, and its exports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .versions import key_of

FILE = Path(__file__).with_name("signatures.json")  # made by build.py
TOGETHER = ("trl", "transformers", "peft", "unsloth", "unsloth_zoo")  # their versions decide each other
# Other libraries, as far as scripts call them.
BESIDE = (
    "torch",
    "datasets",
    "accelerate",
    "bitsandbytes",
    "huggingface_hub",
    "vllm",
)
REQUIRED, NO_LITERAL = "", "…"
OWN = "own"  # how a chat template comes by `{% generation %}`: it has it itself

# Where a base class that another library defines is looked up.
HOMES = {"TrainingArguments": "transformers", "Trainer": "transformers", "SFTConfig": "trl", "SFTTrainer": "trl"}


@dataclass(frozen=True)
class Signature:
    """One callable in one version. `parameters` has each name's default as written, "" for a required one."""

    name: str
    version: str
    parameters: dict[str, str]
    bases: tuple[str, ...] = ()
    open: bool = False  # takes `**kwargs`: no name can be called unknown
    renamed: tuple[tuple[str, str], ...] = ()  # old names it still accepts, and what they are passed on as

    def accepts(self, parameter: str) -> bool:
        return self.open or parameter in self.parameters or any(old == parameter for old, _ in self.renamed)

    def default(self, parameter: str) -> Any:
        """Return the default as a plain value. Raises KeyError if it is not a literal."""
        text = self.parameters[parameter]
        if text in (REQUIRED, NO_LITERAL):
            raise KeyError(parameter)
        from ..source.literals import literal  # which reads code: most of what asks a table does not

        return literal(text)


@lru_cache(maxsize=1)
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return stored


def libraries() -> tuple[str, ...]:
    return tuple(_stored())


def versions(library: str) -> tuple[str, ...]:
    """Return the known versions, oldest first; () for an unknown library."""
    return tuple(_stored().get(library, {}).get("versions", ()))


def knows(library: str, callable: str) -> bool:
    return callable in _stored().get(library, {}).get("callables", {})


@lru_cache(maxsize=1024)
def signature(library: str, callable: str, version: str) -> Signature | None:
    """Return the signature of a callable's own definition in a known version, without bases; None if it is missing."""
    data = _stored().get(library, {})
    stored = data.get("callables", {}).get(callable)
    if stored is None or version not in data["versions"]:
        return None
    i = data["versions"].index(version)
    if _at(stored["in"], i) is None:
        return None
    return Signature(
        callable,
        version,
        {p: v for p, spans in stored["parameters"].items() if (v := _at(spans, i)) is not None},
        tuple(_at(stored["bases"], i) or ()),
        bool(_at(stored["open"], i)),
        tuple((p, v) for p, spans in stored["renamed"].items() if (v := _at(spans, i)) is not None),
    )


def whole(library: str, callable: str, installed: dict[str, str]) -> Signature | None:
    """Return the signature with that of its bases, each in its installed version; None if a part is unknown."""
    own = signature(library, callable, installed.get(library, ""))
    if own is None:
        return None
    parameters, open_, renamed = dict(own.parameters), own.open, own.renamed
    for base in own.bases:
        home = library if knows(library, base) else HOMES.get(base, "")
        if not home:
            continue  # a mixin without fields
        inherited = whole(home, base, installed)
        if inherited is None:
            return None
        parameters = {**inherited.parameters, **parameters}
        open_, renamed = open_ or inherited.open, renamed + inherited.renamed
    return Signature(own.name, own.version, parameters, own.bases, open_, renamed)


@cache
def ever(library: str, callable: str) -> tuple[str, ...]:
    """Return every parameter that the callable's own definition had in some version."""
    stored = _stored().get(library, {}).get("callables", {}).get(callable, {})
    return (*stored.get("parameters", ()), *stored.get("renamed", ()))


@cache
def owners(library: str, callable: str) -> tuple[tuple[str, str], ...]:
    """Return the callable and every class that it extended in some version, as (library, name)."""
    found = [(library, callable)]
    for one in found:
        for version in versions(one[0]):
            own = signature(*one, version)
            for base in own.bases if own is not None else ():
                where = one[0] if knows(one[0], base) else HOMES.get(base, "")
                if where and (where, base) not in found:
                    found.append((where, base))
    return tuple(found)


@cache
def exported(library: str, name: str) -> tuple[str, ...]:
    """Return the versions that export a name, `X` or `trainer.X`, oldest first; () for an unknown name."""
    data = _stored().get(library, {})
    spans = data.get("exports", {}).get(name, ())
    return tuple(v for i, v in enumerate(data.get("versions", ())) if any(first <= i <= last for first, last in spans))


def requires(library: str, version: str, other: str) -> str:
    """Return the requirement of a library's version on another library: `>=4.56.2`, or "" if there is none."""
    data = _stored().get(library, {})
    spans = data.get("requires", {}).get(other)
    return _at(spans, data["versions"].index(version)) or "" if spans and version in data["versions"] else ""


def finds_answers(template: str, version: str) -> bool | None:
    """Return whether SFTTrainer of a trl release finds the assistant's tokens in a chat template, by trl's name.

    It finds them by `{% generation %}`, in the template or in trl's own version of it; None for an unknown
    release.
    """
    data = _stored()["trl"]
    if version not in data["versions"]:
        return None
    spans = data["templates"].get(template, ())
    return any(how == OWN for *_, how in spans) or bool(_at(spans, data["versions"].index(version)))


def called(callable: str) -> str:
    """Return a callable's name without its modules: `utils.data.DataLoader` is DataLoader."""
    parts = callable.split(".")
    while len(parts) > 1 and parts[0][:1].islower():
        parts.pop(0)
    return ".".join(parts)


def newest(library: str) -> str:
    return max(versions(library), key=key_of)


def _at(spans: list[list[Any]], i: int) -> Any:
    for first, last, value in spans:
        if first <= i <= last:
            return value
    return None
