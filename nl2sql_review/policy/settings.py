"""What a project has decided for itself: `nl2sql-review.toml`, or `[tool.nl2sql-review]` in `pyproject.toml`.

The nearest file with our settings counts, from the script's folder up to the root of its repository, and the
dedicated file wins over pyproject.toml beside it. The command line comes last and wins. A key that names a rule
gives that rule other parameters::

    processes = 2
    "lora/rank" = { equals = 32, severity = "warning" }
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Mapping, Union

from ..files import disk
from ..files.projects import DEDICATED, PYPROJECT, SIZE_LIMIT, TABLE, candidates
from ..files.typed_data import ShapeError, build, did_you_mean, keys, listed, named, show
from ..libraries.declared import LIBRARIES
from ..libraries.versions import clauses
from ..report.report import Severity
from ..training_plan.facts import FACTS
from .expectations import Expectation, spelled, wanted, worded
from .rulebook import NOTICES, Head, Rule, Rulebook


class SettingsError(ValueError):
    """Settings that cannot be used; the text names file, key and remedy."""


@dataclass(frozen=True)
class RuleSettings(Expectation):
    """What a project changes about one rule: what it expects, and how severe it is."""

    severity: Union[Severity, None] = None


def _key(name: str) -> dict[str, str]:
    return {"key": name}


@dataclass(frozen=True, eq=False)
class Settings:
    """Everything a run can be told. Compared and hashed by identity: one object per settings file and command line."""

    select: tuple[str, ...] = ()  # rules or sections; empty means all
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # globs as in .gitignore, relative to `root`
    rules: tuple[str, ...] = ()  # further directories of rules, absolute once loaded
    gpu: Union[str, float, None] = None  # the card: its name, or its memory in GB
    processes: Union[int, None] = None  # how many processes train at once
    launch: tuple[str, ...] = ()  # accelerate and DeepSpeed files that start the runs, relative to `root`
    runs: tuple[str, ...] = ()  # command lines that start the scripts: "python train.py --config configs/spider.yaml"
    versions: dict[str, str] = field(default_factory=dict)  # library -> version or requirement the script runs on
    baseline: Union[str, None] = None  # a file of accepted findings, absolute once loaded
    fail_on: Severity = field(default="error", metadata=_key("fail-on"))
    fail_on_unknown: bool = field(default=False, metadata=_key("fail-on-unknown"))
    parameters: Mapping[str, Any] = field(default_factory=dict, metadata={"hidden": True})  # rule id -> its table
    root: str = field(default="", metadata={"hidden": True})  # the directory of the settings file
    file: str = field(default="", metadata={"hidden": True})
    sources: Mapping[str, str] = field(default_factory=dict, metadata={"hidden": True})  # key -> where it was said

    def __post_init__(self) -> None:
        if self.gpu is not None:
            from ..gpu_memory import cards  # only where a card is named

            try:
                cards.find(self.gpu)
            except cards.UnknownCard as error:
                raise ShapeError("gpu", str(error)) from None
        if self.processes is not None and self.processes < 1:
            raise ShapeError("processes", "must be at least 1")
        for library, asked in self.versions.items():
            if library.replace("-", "_") not in LIBRARIES:
                raise ShapeError("versions", f"there is no library {library}; known are {listed(LIBRARIES)}")
            if clauses(asked) is None:
                raise ShapeError(
                    "versions", f'{library}: "{asked}" is no version and no requirement such as ">=0.12,<0.20"'
                )


KEYS = keys(Settings)


def load(
    directory: str, *, config: str | None = None, isolated: bool = False, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings for files in `directory`. `config` names the one file to read, `isolated` reads none.

    `overrides` are keys as in the file, said on the command line. Raises SettingsError.
    """
    path = config if config is not None else None if isolated else nearest(os.path.abspath(directory))
    data, root = (_table(path, config is not None), os.path.dirname(os.path.abspath(path))) if path else ({}, "")
    said = {k: v for k, v in (overrides or {}).items() if v is not None}
    settings = from_data(data, path or "", root)
    if not said:
        return settings
    above = from_data(said, "command line", os.getcwd())
    fields = {**KEYS, **{k: k for k in said if "/" in k}}
    changed = {fields[k]: getattr(above, fields[k]) for k in said if k in KEYS}
    return replace(
        settings,
        **changed,
        parameters={**settings.parameters, **above.parameters},
        root=settings.root or os.getcwd(),
        sources={**settings.sources, **above.sources},
    )


def from_data(data: Mapping[str, Any], file: str, root: str) -> Settings:
    """Settings from a table of plain data, or SettingsError."""
    if not isinstance(data, Mapping):
        raise SettingsError(f"{file}: the settings must be a table, not {named(data)}")
    plain = {k: v for k, v in data.items() if "/" not in k}
    tables = {k: v for k, v in data.items() if "/" in k}
    try:
        for k in plain:
            if k not in KEYS:
                hint = did_you_mean(k, KEYS) or '; a rule\'s table is named by its id, as in "lora/rank"'
                raise ShapeError(k, f"unknown key{hint}; known are {listed(KEYS)}")
        settings = build(Settings, plain)
        parameters = {k: _rule_settings(k, v) for k, v in tables.items()}
    except ShapeError as error:
        raise SettingsError(f"{file}: {error}") from None
    return replace(
        settings,
        baseline=os.path.normpath(os.path.join(root, settings.baseline)) if settings.baseline else settings.baseline,
        rules=tuple(os.path.normpath(os.path.join(root, d)) for d in settings.rules),
        parameters=parameters,
        root=root,
        file=file,
        sources={k: file for k in data},
    )


def _rule_settings(id: str, data: object) -> dict[str, RuleSettings]:
    """Fact name → its settings; the empty name for those of the rule as a whole."""
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
    """The settings file that counts for `directory`, an absolute path; None when there is none."""
    for path in candidates(directory):
        if os.path.basename(path) == DEDICATED or _table(path, False):
            return path
    return None


def _table(path: str, must_exist: bool) -> Any:
    """Our table in a TOML file. A named file of any other name than pyproject.toml is all ours."""
    data = disk.read(path, SIZE_LIMIT)
    if data is None:
        try:
            data = disk.whole(path, SIZE_LIMIT)  # which says why it cannot be read
        except OSError as error:
            why = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
            raise SettingsError(f"{path}: {why}") from None
        disk.seen_once(path)
    return _parsed(path, data, must_exist)


@lru_cache(maxsize=16)
def _parsed(path: str, content: bytes, must_exist: bool) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if os.path.basename(path) != PYPROJECT:
        return data
    tool = data.get("tool", {})
    if must_exist and TABLE not in tool:
        raise SettingsError(f"{path}: there is no table [tool.{TABLE}]")
    return tool.get(TABLE, {})


@lru_cache(maxsize=64)
def configure(rulebook: Rulebook, settings: Settings) -> Rulebook:
    """The rulebook as the settings want it: `active` holds the selected rules with their parameters."""
    names = rulebook.names()
    for key in ("select", "ignore"):
        for name in getattr(settings, key):
            if name not in names:
                raise _error(settings, key, f"there is no rule or section {name}{did_you_mean(name, names)}")
    for id in settings.parameters:
        if id in NOTICES:
            raise _error(settings, id, "this is not a rule of the checklist; it can only be selected or ignored")
        if id not in rulebook.rules:
            raise _error(settings, id, f"there is no such rule{did_you_mean(id, rulebook.rules)}")
    rules = {id: _with_parameters(rule, settings) for id, rule in rulebook.rules.items()}
    return Rulebook(rules, tuple(rules[r.id] for r in rulebook.active if selected(r.id, settings)))


def selected(id: str, settings: Settings) -> bool:
    """Whether a rule or notice is reported. The most exact word counts: `lora/rank` goes before `lora`."""
    section = id.partition("/")[0]
    if id in settings.ignore:
        return False
    if id in settings.select:
        return True
    if section in settings.ignore:
        return False
    return not settings.select or section in settings.select or id in NOTICES


def _with_parameters(rule: Rule, settings: Settings) -> Rule:
    tables = settings.parameters.get(rule.id)
    if not tables:
        return rule
    head = rule.head
    facts = {k: v for k, v in tables.items() if k and v.given()}
    for name in facts:
        if name not in head.facts:
            raise _error(settings, rule.id, f"{rule.id} does not judge {name}; it judges {listed(head.facts)}")
    if tables[""].given():
        if len(head.facts) > 1:
            example = f'"{rule.id}" = {{ "{head.facts[0]}" = {{ … }} }}'
            raise _error(settings, rule.id, f"judges {listed(head.facts)}: say which one, as in {example}")
        facts[head.facts[0]] = tables[""]
    changes: dict[str, str] = {}
    expectations = {
        name: _expectation(rule, expected, facts[name], settings, changes) if name in facts else expected
        for name, expected in head.expectations
    }
    severity = next((t.severity for t in tables.values() if t.severity), head.severity)
    made: Head = replace(
        head,
        expect=expectations[head.facts[0]] if len(expectations) == 1 else expectations,
        severity=severity,
        unset=tables[""].unset or head.unset,
        help=_respelled(head.help, changes),
        says={k: _respelled(v, changes) for k, v in head.says.items()},
    )
    return replace(rule, head=made, title=_respelled(rule.title, changes))


def _expectation(
    rule: Rule, old: Expectation, new: RuleSettings, settings: Settings, changes: dict[str, str]
) -> Expectation:
    """`new` over `old`: keys the rule has are changed one by one, other keys replace all that the rule expects."""
    before, after = old.given(), new.given()
    for k, v in after.items():
        was = before.get(k)
        if _is_scalar(was) and _is_scalar(v) and _sort(v) != _sort(was):
            raise _error(settings, rule.id, f"{k} must be {_SORTS[_sort(was)]}, not {named(v)}")
    kept = before if set(after) <= set(before) else {}
    made = Expectation(**{**kept, **after}, unset=new.unset or old.unset)
    for was in before.values():
        if _is_scalar(was):
            changes[str(was) if isinstance(was, str) else spelled(was)] = wanted(made.given(), worded)
    return made


def _is_scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))


_SORTS = {"flag": "true or false", "number": "a number", "text": "a string"}


def _sort(value: object) -> str:
    return "flag" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else "text"


def _respelled(text: str, changes: Mapping[str, str]) -> str:
    """A rule's words with its old value replaced: a title must not say 16 where a team has chosen 32."""
    for old, new in changes.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w])", new.replace("\\", r"\\"), text)
    return text


def _error(settings: Settings, key: str, message: str) -> SettingsError:
    where = settings.sources.get(key, settings.file)
    return SettingsError(f"{where}: {key}: {message}" if where else f"{key}: {message}")


def show_settings(settings: Settings) -> str:
    """One line per setting, as in the file, and where it was said."""
    lines = []
    for k, name in KEYS.items():
        value = getattr(settings, name)
        lines.append((f"{k} = {_toml(value)}" if value is not None else f"# {k} =", settings.sources.get(k, "default")))
    for id in settings.parameters:
        lines.append((f'"{id}" = {changed_rule(settings, id)}', settings.sources.get(id, "default")))
    width = max(len(line) for line, _ in lines)
    return "\n".join(f"{line:{width}}  # {source}" for line, source in lines)


def changed_rule(settings: Settings, id: str) -> str:
    """Return what the settings change about a rule as a table of TOML, `{ equals = 32 }`; "" for nothing."""
    tables = settings.parameters.get(id)
    if not tables:
        return ""
    whole = {**tables[""].given(), "severity": tables[""].severity}
    parts = [f"{k} = {_toml(v)}" for k, v in whole.items() if v is not None]
    parts += [f'"{f}" = {_toml(t.given())}' for f, t in tables.items() if f]
    return f"{{ {', '.join(parts)} }}"


def _toml(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(v) for v in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{k} = {_toml(v)}' for k, v in value.items())} }}"
    return show(value)


def schema() -> dict[str, Any]:
    """The JSON Schema of `nl2sql-review.toml` and of `[tool.nl2sql-review]`."""
    from ..files.typed_data import schema

    made = schema(Settings, "nl2sql-review settings")
    rule = schema(RuleSettings, "RuleSettings")
    made.setdefault("$defs", {}).update({**rule.pop("$defs", {}), "RuleSettings": rule})
    rule.pop("$schema")
    rule["additionalProperties"] = False
    rule["patternProperties"] = {r"^[a-z]+\.[a-z_]+$": {"$ref": "#/$defs/RuleSettings"}}
    made["patternProperties"] = {"^[a-z]+/[a-z0-9-]+$": {"$ref": "#/$defs/RuleSettings"}}
    return made
