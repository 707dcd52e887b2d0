"""Policies, one TOML file each: which kinds of findings and which rules count, and with which parameters.

`nl2sql` (the whole checklist), `recommended` (traps only) and `general` (traps, and ranges for LoRA of any
task) lie beside the rules. A policy may `extend` others: its own keys are applied last and win. A key that
names a rule gives that rule other parameters, as in the settings; `source` names the evidence for them::

    title = "Ours"
    extend = "recommended"
    select = ["lora", "prompt"]
    "lora/rank" = { equals = 32, source = "runs of March" }
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Union

from ..files import disk, resources, toml
from ..files.projects import SIZE_LIMIT
from ..files.typed_data import ShapeError, build, did_you_mean, keys, listed
from ..report.report import KINDS, Kind

OURS = ("nl2sql", "recommended", "general")
DEEPEST = 8  # policies that extend one another


class PolicyError(ValueError):
    """Raised for a policy that cannot be used; the text names file, key and remedy."""


@dataclass(frozen=True)
class Policy:
    """The choices of one policy and of all that it extends. `rules` maps ids to their tables as in the file."""

    title: str = ""
    extend: Union[str, tuple[str, ...]] = ()
    kinds: tuple[Kind, ...] = KINDS
    select: tuple[str, ...] = ()  # rules or sections; empty means all
    ignore: tuple[str, ...] = ()
    name: str = field(default="", metadata={"hidden": True})
    rules: Mapping[str, Any] = field(default_factory=dict, metadata={"hidden": True})
    files: Mapping[str, str] = field(default_factory=dict, metadata={"hidden": True})  # rule id → the file that says so


def load(names: Iterable[str], root: str) -> Policy:
    """Return the policies merged into one, later over earlier; paths are relative to `root`. Raises PolicyError."""
    made = [_load(name, root, ()) for name in names]
    return replace(_together(made), name=" and ".join(one.name for one in made))


def _together(policies: Iterable[Policy]) -> Policy:
    """Return several policies merged into one, later over earlier."""
    whole = Policy()
    for one in policies:
        whole = _over(whole, one) if whole.name else one
    return whole


def _load(name: str, root: str, above: tuple[str, ...]) -> Policy:
    path = _path(name, root)
    if path in above or len(above) >= DEEPEST:
        raise PolicyError(f"{name} extends itself")
    data = _table(path, name)
    plain = {key: value for key, value in data.items() if "/" not in key}
    known = keys(Policy)
    for key in plain:
        if key not in known:
            raise PolicyError(f"{path}: {key}: unknown key{did_you_mean(key, known)}; known are {listed(known)}")
    try:
        own = build(Policy, plain)
    except ShapeError as error:
        raise PolicyError(f"{path}: {error}") from None
    rules = {key: value for key, value in data.items() if "/" in key}
    label = name if name in OURS else os.path.splitext(os.path.basename(path))[0]
    own = replace(own, name=label, rules=rules, files=dict.fromkeys(rules, path))
    below = (own.extend,) if isinstance(own.extend, str) else own.extend
    try:
        bases = [_load(each, os.path.dirname(path), (*above, path)) for each in below]
    except PolicyError as error:
        raise PolicyError(f"{path}: extend: {error}") from None
    return replace(_over(_together(bases), own, plain) if bases else own, name=label, title=own.title)


def _over(base: Policy, own: Policy, said: Mapping[str, Any] | None = None) -> Policy:
    """Return `own` over `base`: the keys of `own` (those in `said`, else all) replace, its rules are added."""
    chosen = {key: getattr(own, key) for key in ("kinds", "select", "ignore") if said is None or key in said}
    return replace(base, **chosen, name=own.name, rules={**base.rules, **own.rules}, files={**base.files, **own.files})


def is_path(name: str) -> bool:
    """Return whether a policy is named by a file path instead of the name of a built-in one."""
    return re.fullmatch(r"[\w-]+", name) is None


def _path(name: str, root: str) -> str:
    """Return the path of a policy: `general` is built in; `./our-policy` and `our.toml` are files of the team."""
    if not is_path(name):
        if name not in OURS:
            own = f"a file of your own is named by its path, as in ./{name}.toml"
            raise PolicyError(f"there is no policy {name}{did_you_mean(name, OURS)}; known are {listed(OURS)}; {own}")
        return os.path.join(resources.find("rules"), f"{name}.toml")
    path = os.path.normpath(os.path.join(root, name))
    return path if path.endswith(".toml") or disk.read(path, SIZE_LIMIT) is not None else f"{path}.toml"


def _table(path: str, name: str) -> dict[str, Any]:
    data = disk.read(path, SIZE_LIMIT)
    if data is None:
        raise PolicyError(f"{path}: the policy file does not exist (policy {name})")
    try:
        return toml.parsed(data.decode())
    except (toml.NotToml, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: {error}") from None
