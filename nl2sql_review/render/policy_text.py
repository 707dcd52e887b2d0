"""Policy for people: its rules, the value that each wants, the kinds of outcome that count, and who supports it."""

from __future__ import annotations

from collections.abc import Iterator

from ..policy.expectations import wanted, worded
from ..policy.policies import Policy
from ..policy.rulebook import Rule, Rulebook
from .terminal import Terminal, escape, wrap


def render(policy: Policy, book: Rulebook, terminal: Terminal) -> str:
    return "".join(f"{line}\n" for line in _lines(policy, book, terminal))


def _lines(policy: Policy, book: Rulebook, terminal: Terminal) -> Iterator[str]:
    yield terminal.paint(escape(policy.name), "bold") + (f": {escape(policy.title)}" if policy.title else "")
    yield f"{len(book.active)} of {len(book.rules)} rules"
    section = ""
    for rule in book.active:
        if rule.section != section:
            section = rule.section
            yield ""
            yield terminal.paint(section, "place")
        kinds = " or ".join(kind for kind in rule.head.kinds if kind in rule.counted)
        yield f"  {rule.id:<34} {rule.head.severity:<8} {kinds}"
        if "policy" in kinds:
            for line in wrap(escape(_wants(rule)), terminal.columns - 6):
                yield f"      {line}"
        if source := str(policy.rules.get(rule.id, {}).get("source", "")):
            for line in wrap(f"source: {escape(source)}", terminal.columns - 6):
                yield terminal.paint(f"      {line}", "dim")


def _wants(rule: Rule) -> str:
    given = ((name, expected.given()) for name, expected in rule.head.expectations)
    return "; ".join(f"{name}: {wanted(each, worded)}" for name, each in given)
