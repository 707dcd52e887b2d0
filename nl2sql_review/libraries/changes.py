"""Contents of the tables, and the changes of a refresh, in words for CHANGELOG.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import tables as packed
from .requirements import FILE as REQUIREMENTS
from .store import FILE as SIGNATURES
from .versions import key_of

SHOWN = 8  # names in which the new reading of a known release differs
KEYS = Path(__file__).parent.parent / "flavours" / "keys"


@dataclass(frozen=True)
class State:
    """Tables at one time: `releases` and `requires` by library and version, `keys` by flavour."""

    releases: dict[str, dict[str, Any]] = field(default_factory=dict)
    requires: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    keys: dict[str, tuple[str, set[str]]] = field(default_factory=dict)


def state() -> State:
    """Return the tables as stored on the disk."""
    keys = {}
    for file in sorted(KEYS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        keys[file.stem] = (f"{data['library']} {data['version']}", {k for of in data["sections"].values() for k in of})
    signatures = packed.unpacked(json.loads(SIGNATURES.read_text(encoding="utf-8")))
    required = json.loads(REQUIREMENTS.read_text(encoding="utf-8"))["releases"]
    return State(signatures, required, keys)


def tables(library: str) -> Iterator[tuple[str, str]]:
    """Yield each table that the project has of a library, and the release it was made from."""
    now = state()
    for words, of in (("its signatures", now.releases), ("its requirements", now.requires)):
        if library in of:
            yield words, max(of[library], key=key_of)
    for flavour, (release, _) in now.keys.items():
        if release.partition(" ")[0] == library:
            yield f"the keys of {flavour}", release.partition(" ")[2]


def between(before: State, after: State) -> Iterator[str]:
    """Yield a sentence for each library whose tables changed."""
    for library in {**after.requires, **after.releases}:
        yield from _of_library(library, before, after)
    for flavour, (release, names) in after.keys.items():
        old = before.keys.get(flavour, ("", set()))[1]
        if said := _came_and_went(old, names):
            yield f"Keys of {release} ({flavour}); {said}"


def _of_library(library: str, before: State, after: State) -> Iterator[str]:
    had, has = before.releases.get(library, {}), after.releases.get(library, {})
    required = after.requires.get(library, {}).keys() - before.requires.get(library, {}).keys()
    differ = [version for version in sorted(had, key=key_of) if version in has and has[version] != had[version]]
    if differ:
        parts = [(had[version][part], has[version][part]) for version in differ for part in had[version]]
        names = sorted({f"`{name}`" for old, new in parts for name in _differing(old, new)})
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{library} {', '.join(differ)}: now read differently: {', '.join(names[:SHOWN])}{more}"
    added = sorted(required | (has.keys() - had.keys()), key=key_of)
    if not added:
        return
    said = [f"{library} {', '.join(added)} {'are' if len(added) > 1 else 'is'} known"]
    if had and key_of(added[-1]) > key_of(max(had, key=key_of)) and added[-1] in has:
        old, new = had[max(had, key=key_of)]["callables"], has[added[-1]]["callables"]
        for name in new:
            if name in old and (changed := _arguments(old[name]["parameters"], new[name]["parameters"])):
                said.append(f"{name}: {changed}")
        if gone := [f"`{name}`" for name in old if name not in new]:
            said.append(f"gone: {', '.join(gone)}")
        marked = [_marked(of) for of in (had[max(had, key=key_of)], has[added[-1]])]
        if templates := _came_and_went(*marked):
            said.append(f"chat templates with {{% generation %}}: {templates}")
    yield "; ".join(said)


def _marked(release: dict[str, Any]) -> set[str]:
    """Return the chat templates in which a release of trl finds the answers."""
    return {name for name, how in release.get("templates", {}).items() if how}


def _differing(old: Any, new: Any) -> set[str]:
    """Return the names (of callables, exports or other entries of a table) in which two releases differ."""
    if isinstance(old, dict):
        return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return set(old) ^ set(new)


def _arguments(old: dict[str, str], new: dict[str, str]) -> str:
    defaults = [f"`{n}={old[n]}` is {new[n]}" for n in old if n in new and old[n] != new[n] and new[n] != "…"]
    return ", ".join(filter(None, [_came_and_went(set(old), set(new)), *defaults]))


def _came_and_went(old: set[str], new: set[str]) -> str:
    parts = [("new", new - old), ("gone", old - new)]
    return "; ".join(f"{word}: {', '.join(f'`{n}`' for n in sorted(which))}" for word, which in parts if which)
