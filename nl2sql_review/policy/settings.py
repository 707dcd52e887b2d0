"""Settings of a project: `nl2sql-review.toml`, or `[tool.nl2sql-review]` in `pyproject.toml`.

The nearest file with our settings counts, from the script's folder up to the root of its repository, and the
dedicated file wins over a pyproject.toml beside it. The command line is applied last and wins. A key that
names a rule gives that rule other parameters::

    processes = 2
    "lora/rank" = { equals = 32, severity = "warning" }
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Iterable, Mapping, Union

from ..files import disk, projects, toml
from ..files.globs import matches
from ..files.projects import DEDICATED, PYPROJECT, SIZE_LIMIT, TABLE, candidates
from ..files.typed_data import ShapeError, build, did_you_mean, keys, listed, named
from ..libraries.declared import LIBRARIES
from ..libraries.versions import clauses
from ..report.report import Certainty, Kind, Severity
from ..training_plan.facts import FACTS, SECTIONS
from .expectations import Expectation
from .policies import Policy, PolicyError, is_path
from .policies import load as load_policies


class SettingsError(ValueError):
    """Raised for settings that cannot be used; the text names file, key and remedy."""


@dataclass(frozen=True)
class RuleSettings(Expectation):
    """A project's changes to one rule: its expectation and its severity."""

    severity: Union[Severity, None] = None
    kinds: Union[tuple[Kind, ...], None] = None  # which of its outcomes count, of a rule that finds both
    source: Union[str, None] = None  # who supports it: words or an address, for people


def _key(name: str) -> dict[str, str]:
    return {"key": name}


PATHS = {"paths": True}  # of a field that names files or directories: those of a project's own settings lie in its tree


@dataclass(frozen=True, eq=False)
class Settings:
    """All settings of a run. Compared and hashed by identity: one object per settings file and command line."""

    policy: Union[str, tuple[str, ...]] = "nl2sql"  # ours by name, or files by path, a later one over an earlier
    select: tuple[str, ...] = ()  # rules or sections; empty means all
    ignore: tuple[str, ...] = ()
    # Glob → rules or sections that are not reported in the files it matches.
    per_file_ignores: dict[str, tuple[str, ...]] = field(default_factory=dict, metadata=_key("per-file-ignores"))
    overrides: tuple[dict[str, Any], ...] = ()  # `[[overrides]]`: `paths`, and settings that hold for these files
    extend: Union[str, None] = field(default=None, metadata=PATHS)  # another settings file, which this one changes
    exclude: tuple[str, ...] = ()  # globs as in .gitignore, relative to `root`
    rules: tuple[str, ...] = field(default=(), metadata=PATHS)  # further directories of rules, absolute once loaded
    gpu: Union[str, float, None] = None  # the card: its name, or its memory in GB
    processes: Union[int, None] = None  # how many processes train at once
    # Accelerate and DeepSpeed files that start the runs, relative to `root`.
    launch: tuple[str, ...] = field(default=(), metadata=PATHS)
    # Scripts, Modelfiles and chat templates that ask the trained model, relative to `root`.
    serve: Union[str, tuple[str, ...]] = field(default=(), metadata=PATHS)
    runs: tuple[str, ...] = ()  # command lines that start the scripts: "python train.py --config configs/spider.yaml"
    versions: dict[str, str] = field(default_factory=dict)  # library -> version or requirement the script runs on
    baseline: Union[str, None] = field(default=None, metadata=PATHS)  # of accepted findings, absolute once loaded
    fail_on: Severity = field(default="error", metadata=_key("fail-on"))
    fail_on_unknown: bool = field(default=False, metadata=_key("fail-on-unknown"))
    min_certainty: Certainty = field(default="branch", metadata=_key("min-certainty"))  # of findings that are told
    ignore_suppressions: bool = field(default=False, metadata=_key("ignore-suppressions"))  # comments silence nothing
    parameters: Mapping[str, Any] = field(default_factory=dict, metadata={"hidden": True})  # rule id -> its table
    wanted: Policy = field(default_factory=Policy, metadata={"hidden": True})  # what `policy` names, read
    root: str = field(default="", metadata={"hidden": True})  # the directory of the settings file
    file: str = field(default="", metadata={"hidden": True})
    sources: Mapping[str, str] = field(default_factory=dict, metadata={"hidden": True})  # key -> where it was said

    @property
    def served(self) -> tuple[str, ...]:
        """The files that `serve` names, always as a tuple."""
        return _several(self.serve)

    def error(self, key: str, message: str) -> SettingsError:
        """Return the error about a key, with the file that sets it."""
        where = self.sources.get(key, self.file)
        return SettingsError(f"{where}: {key}: {message}" if where else f"{key}: {message}")

    def __post_init__(self) -> None:
        if self.gpu is not None:
            from ..gpu_memory import cards  # only where a card is named

            try:
                cards.find(self.gpu)
            except cards.UnknownCard as error:
                raise ShapeError("gpu", str(error)) from None
        if self.processes is not None and not 1 <= self.processes < 10**12:
            raise ShapeError("processes", "must be at least 1 and have at most 12 digits")
        for library, asked in self.versions.items():
            if library.replace("-", "_") not in LIBRARIES:
                raise ShapeError("versions", f"there is no library {library}; known are {listed(LIBRARIES)}")
            if clauses(asked) is None:
                raise ShapeError(
                    "versions", f'{library}: "{asked}" is neither a version nor a requirement such as ">=0.12,<0.20"'
                )


KEYS = keys(Settings)
DEEPEST = 8  # settings files that extend one another
# What is settled before a file is looked at.
NOT_BY_PATH = {"extend", "overrides", "per-file-ignores", "exclude", "rules", "baseline"}


def load(
    directory: str, *, config: str | None = None, isolated: bool = False, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings for files in `directory`. `config` names the one file to read, `isolated` reads none.

    `overrides` has keys as in the file, from the command line. Raises SettingsError.
    """
    path = config if config is not None else None if isolated else nearest(os.path.abspath(directory))
    data, root = (_table(path, config is not None), os.path.dirname(os.path.abspath(path))) if path else ({}, "")
    said = {k: v for k, v in (overrides or {}).items() if v is not None}
    settings = _extended(data, path or "", root, (), config is not None)
    _check_named(settings)
    if not said:
        return _with_policy(settings)
    return _with_policy(_over(settings, from_data(said, "command line", os.getcwd()), said))


def of_path(settings: Settings, path: str) -> Settings:
    """Return the settings for one file: those of its folder, with `per-file-ignores` and `[[overrides]]`.

    Files that match the same entries share one object. Raises SettingsError.
    """
    if not settings.per_file_ignores and not settings.overrides:
        return settings
    chosen = tuple(matches((glob,), path, settings.root) for glob in settings.per_file_ignores)
    over = tuple(matches(_paths(one), path, settings.root) for one in settings.overrides)
    return _of_paths(settings, chosen, over) if any((*chosen, *over)) else settings


@lru_cache(maxsize=64)
def _of_paths(settings: Settings, chosen: tuple[bool, ...], over: tuple[bool, ...]) -> Settings:
    made = settings
    for one, counts in zip(settings.overrides, over):
        if counts:
            said = {key: value for key, value in one.items() if key != "paths"}
            made = _over(made, from_data(said, f"{settings.file}: overrides", settings.root), said)
    names = [n for names, counts in zip(settings.per_file_ignores.values(), chosen) if counts for n in names]
    made = replace(made, ignore=tuple(dict.fromkeys((*made.ignore, *names))))
    return _with_policy(made) if made.policy != settings.policy else made


def _paths(override: Mapping[str, Any]) -> tuple[str, ...]:
    return _several(override.get("paths", ()))


def _several(said: Union[str, Iterable[str]]) -> tuple[str, ...]:
    """Return a setting that is one text or a list of them as a tuple."""
    return (said,) if isinstance(said, str) else tuple(said)


def _over(below: Settings, above: Settings, said: Mapping[str, Any]) -> Settings:
    """Return the settings `below` with the `said` keys of `above` over them."""
    changed = {KEYS[k]: getattr(above, KEYS[k]) for k in said if k in KEYS}
    return replace(
        below,
        **changed,
        parameters={**below.parameters, **above.parameters},
        root=below.root or os.getcwd(),
        sources={**below.sources, **above.sources},
    )


def _extended(data: dict[str, Any], path: str, root: str, above: tuple[str, ...], trusted: bool) -> Settings:
    """Return the settings of a file over those of the file it extends; unless `trusted`, no path may leave its tree."""
    own = from_data(data, path, root)
    if path and not trusted:
        _check_tree(own)
    if own.extend is None:
        return own
    base = os.path.normpath(os.path.join(root, own.extend))
    if base in (*above, path) or len(above) >= DEEPEST:
        raise SettingsError(f"{path}: extend: {own.extend} extends itself")
    folder = os.path.dirname(base)
    below = _extended(_table(base, True), base, folder, (*above, path), trusted)
    launch, serve = (
        tuple(os.path.relpath(os.path.join(folder, each), root) for each in names)
        for names in (below.launch, below.served)
    )
    policy = _from(folder, root, below.policy)
    return replace(_over(replace(below, launch=launch, serve=serve, policy=policy), own, data), root=root, file=path)


def _from(folder: str, root: str, policy: Union[str, tuple[str, ...]]) -> Union[str, tuple[str, ...]]:
    """Return policies named relative to one folder, renamed relative to another."""
    if not isinstance(policy, str):
        return tuple(str(_from(folder, root, each)) for each in policy)
    relative = os.path.relpath(os.path.join(folder, policy), root)
    return os.path.join(".", relative) if is_path(policy) else policy


def _with_policy(settings: Settings) -> Settings:
    """Return the settings with the policies that they name loaded."""
    names = _several(settings.policy)
    root = os.getcwd() if settings.sources.get("policy") == "command line" else settings.root or os.getcwd()
    try:
        return replace(settings, wanted=load_policies(names, root))
    except PolicyError as error:
        raise settings.error("policy", str(error)) from None


def _check_tree(settings: Settings) -> None:
    """Raise SettingsError if settings found in a tree have a path outside it; a file named by `--config` is trusted."""
    tree = projects.tree(settings.root)
    remedy = f"if you trust it, run nl2sql-review --config {settings.file}"
    if not disk.lies_in(disk.real(settings.file), disk.real(tree)):
        raise SettingsError(f"{settings.file}: the file is a link that leads out of {tree}; {remedy}")
    named_paths = [("policy", name) for name in _several(settings.policy) if is_path(name)]
    for each in fields(settings):
        if each.metadata.get("paths"):
            key = each.metadata.get("key", each.name)
            named_paths += [(key, path) for path in _several(getattr(settings, each.name) or ())]
    for key, path in named_paths:
        if not disk.lies_in(disk.real(os.path.join(settings.root, path)), disk.real(tree)):
            raise settings.error(key, f"{path} leads out of {tree}; {remedy}")


def _check_named(settings: Settings) -> None:
    """Raise SettingsError if a file that the settings name does not exist."""
    for key, names in (("launch", settings.launch), ("serve", settings.served)):
        for name in names:
            if not disk.is_file(os.path.join(settings.root, name)):
                raise settings.error(key, f"{name}: the file does not exist")


def from_data(data: Mapping[str, Any], file: str, root: str) -> Settings:
    """Return the settings from a table of plain data. Raises SettingsError."""
    if not isinstance(data, Mapping):
        raise SettingsError(f"{file}: the settings must be a table, not {named(data)}")
    plain = {k: v for k, v in data.items() if "/" not in k}
    tables = {k: v for k, v in data.items() if "/" in k}
    try:
        for k in plain:
            if k not in KEYS:
                raise ShapeError(k, _unknown(k))
        settings = build(Settings, plain)
        parameters = {k: rule_settings(k, v) for k, v in tables.items()}
    except ShapeError as error:
        raise SettingsError(f"{file}{_place(file, error.key)}: {error}") from None
    for number, one in enumerate(settings.overrides):
        if not _paths(one):
            raise SettingsError(f"{file}: overrides[{number}]: paths is missing: name the files it applies to")
        for key in set(one) & NOT_BY_PATH:
            raise SettingsError(f"{file}: overrides[{number}]: {key} cannot be set per path")
        from_data({k: v for k, v in one.items() if k != "paths"}, f"{file}: overrides[{number}]", root)
    return replace(
        settings,
        baseline=os.path.normpath(os.path.join(root, settings.baseline)) if settings.baseline else settings.baseline,
        rules=tuple(os.path.normpath(os.path.join(root, d)) for d in settings.rules),
        parameters=parameters,
        root=root,
        file=file,
        sources={k: file for k in data},
    )


def _unknown(key: str) -> str:
    """Return the message about an unknown key: a similar key, or how to name a table that looks like that of a rule."""
    if key == "tool":
        return f"unknown key; in a file named nl2sql-review.toml, remove the [tool.{TABLE}] header"
    hint = did_you_mean(key, KEYS)
    if not hint and key.partition("-")[0] in SECTIONS:
        hint = '; a rule\'s table is named by its id, as in "lora/rank"'
    return f"unknown key{hint}; known are {listed(KEYS)}"


def _place(file: str, key: str) -> str:
    """Return the place of a key in a settings file as `:3:1`."""
    data = disk.read(file, SIZE_LIMIT) if os.path.isfile(file) else None
    return toml.place_of(data.decode("utf-8", "replace"), key) if data is not None else ""


def rule_settings(id: str, data: object) -> dict[str, RuleSettings]:
    """Return {fact name: its settings}; the empty name holds those of the rule as a whole."""
    key = f'"{id}"'
    if not isinstance(data, Mapping):
        raise ShapeError(key, f"must be a table such as {{ equals = … }}, not {named(data)}")
    per_fact = {k: v for k, v in data.items() if k in FACTS}
    whole = {k: v for k, v in data.items() if k not in FACTS}
    for k in whole:
        if "." in str(k):
            raise ShapeError(key, f"there is no fact {k}{did_you_mean(k, FACTS)}")
    made = {name: build(RuleSettings, table, f'{key}."{name}"') for name, table in per_fact.items()}
    return {"": build(RuleSettings, whole, key), **made}


def nearest(directory: str) -> str | None:
    """Return the settings file that applies to `directory`, an absolute path, or None if there is none."""
    for path in candidates(directory):
        if os.path.basename(path) == DEDICATED or _table(path, False):
            return path
    return None


def _table(path: str, must_exist: bool) -> Any:
    """Return our table in a TOML file. A file with any name but pyproject.toml is our table as a whole."""
    data = disk.read(path, SIZE_LIMIT)
    if data is None:
        try:
            data = disk.whole(path, SIZE_LIMIT)  # which says why it cannot be read
        except OSError as error:
            why = "the file does not exist" if isinstance(error, FileNotFoundError) else error.strerror or error
            raise SettingsError(f"{path}: {why}") from None
        disk.seen_once(path)
    return _parsed(path, data, must_exist)


@lru_cache(maxsize=16)
def _parsed(path: str, content: bytes, must_exist: bool) -> Any:
    try:
        data = toml.parsed(content.decode())
    except (toml.NotToml, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if os.path.basename(path) != PYPROJECT:
        return data
    tool = data.get("tool", {})
    if must_exist and TABLE not in tool:
        raise SettingsError(f"{path}: there is no table [tool.{TABLE}]")
    return tool.get(TABLE, {})


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `nl2sql-review.toml` and of `[tool.nl2sql-review]`."""
    from ..files.typed_data import schema

    made = schema(Settings, "nl2sql-review settings")
    rule = schema(RuleSettings, "RuleSettings")
    made.setdefault("$defs", {}).update({**rule.pop("$defs", {}), "RuleSettings": rule})
    rule.pop("$schema")
    rule["additionalProperties"] = False
    rule["patternProperties"] = {r"^[a-z]+\.[a-z_]+$": {"$ref": "#/$defs/RuleSettings"}}
    made["patternProperties"] = {"^[a-z]+/[a-z0-9-]+$": {"$ref": "#/$defs/RuleSettings"}}
    return made
