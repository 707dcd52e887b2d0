"""The rules that are active under a project's settings and its policy, each with the project's parameters."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Mapping

from ..files.typed_data import ShapeError, did_you_mean, listed, named
from ..report.report import KINDS
from .expectations import Expectation, spelled, wanted, worded
from .rulebook import NOTICES, Head, Rule, Rulebook, load
from .settings import RuleSettings, Settings, SettingsError, rule_settings


def active_rulebook(settings: Settings) -> Rulebook:
    """Return the rules that these settings load, configured by them. Raises SettingsError, RulebookError."""
    return configure(load(settings.rules), settings)


@lru_cache(maxsize=64)
def configure(rulebook: Rulebook, settings: Settings) -> Rulebook:
    """Return the rulebook under these settings: `active` holds the selected rules with their parameters."""
    names = rulebook.names()
    for key in ("select", "ignore"):
        for name in getattr(settings, key):
            if name not in names:
                raise settings.error(key, f"there is no rule or section {name}{did_you_mean(name, names)}")
    for id in settings.parameters:
        if id in NOTICES:
            raise settings.error(id, "this is not a checklist rule; it can only be selected or ignored")
        if id not in rulebook.rules:
            raise settings.error(id, f"there is no such rule{did_you_mean(id, rulebook.rules)}")
    policy = settings.wanted
    for id in policy.rules:
        if id not in rulebook.rules:
            raise SettingsError(f"{policy.files[id]}: {id}: there is no such rule{did_you_mean(id, rulebook.rules)}")
    for name in (*policy.select, *policy.ignore):
        if name not in names:
            why = f"{policy.name}: there is no rule or section {name}{did_you_mean(name, names)}"
            raise settings.error("policy", why)
    rules = {}
    for id, rule in rulebook.rules.items():
        rule = replace(rule, counted=KINDS if id in settings.select else policy.kinds)
        if id in policy.rules:
            where = replace(settings, sources={id: policy.files[id]})
            try:
                rule = _with_parameters(rule, rule_settings(id, policy.rules[id]), where)
            except ShapeError as error:
                raise SettingsError(f"{policy.files[id]}: {error}") from None
        rules[id] = _with_parameters(rule, settings.parameters.get(id), settings)
    active, on_rows = (
        tuple(rules[r.id] for r in some if selected(r.id, settings) and _judged(rules[r.id], settings))
        for some in (rulebook.active, rulebook.on_rows)
    )
    return Rulebook(rules, active, on_rows)


def _judged(rule: Rule, settings: Settings) -> bool:
    """Return whether the policy includes the rule, or the settings select it by its own id."""
    policy = settings.wanted
    if rule.id in settings.select:
        return True
    chosen = not policy.select or rule.id in policy.select or rule.section in policy.select
    left_out = rule.id in policy.ignore or rule.section in policy.ignore and rule.id not in policy.select
    return chosen and not left_out and any(kind in rule.counted for kind in rule.head.kinds)


def selected(id: str, settings: Settings) -> bool:
    """Return whether a rule or notice is reported. The most exact name counts: `lora/rank` goes before `lora`."""
    section = id.partition("/")[0]
    if id in settings.ignore:
        return False
    if id in settings.select:
        return True
    if section in settings.ignore:
        return False
    return not settings.select or section in settings.select or id in NOTICES


def _with_parameters(rule: Rule, tables: Mapping[str, RuleSettings] | None, settings: Settings) -> Rule:
    if not tables:
        return rule
    head = rule.head
    facts = {k: v for k, v in tables.items() if k and v.given()}
    for name in facts:
        if name not in head.facts:
            raise settings.error(rule.id, f"{rule.id} does not judge {name}; it judges {listed(head.facts)}")
    if tables[""].given():
        if len(head.facts) > 1:
            example = f'"{rule.id}" = {{ "{head.facts[0]}" = {{ … }} }}'
            raise settings.error(rule.id, f"judges {listed(head.facts)}: name one of them, as in {example}")
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
        when=None if facts and head.kind == "policy" else head.when,  # it says when the rule's own value is wanted
        unset=tables[""].unset or head.unset,
        help=_respelled(head.help, changes),
        says={k: _respelled(v, changes) for k, v in head.says.items()},
    )
    counted = tables[""].kinds or rule.counted
    return replace(rule, head=made, title=_respelled(rule.title, changes), counted=counted)


def _expectation(
    rule: Rule, old: Expectation, new: RuleSettings, settings: Settings, changes: dict[str, str]
) -> Expectation:
    """Return `new` over `old`: keys of the rule change one by one; any other key replaces the whole expectation."""
    before, after = old.given(), new.given()
    for k, v in after.items():
        was = before.get(k)
        if _is_scalar(was) and _is_scalar(v) and _sort(v) != _sort(was):
            raise settings.error(rule.id, f"{k} must be {_SORTS[_sort(was)]}, not {named(v)}")
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
    """Return a rule's text with its old value replaced, so that a title does not name 16 when a team has chosen 32."""
    for old, new in changes.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w])", new.replace("\\", r"\\"), text)
    return text
