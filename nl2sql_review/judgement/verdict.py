"""Verdict of a rule on one fact: pass, fail, unknown or not applicable, from all that may be known of a value.

Known     judged                          Term     passes only where the rule names it, else unknown
Default   judged, certainty "default"     Text     judged on its literal parts where these settle it
Either    all pass → pass, all fail →     Unknown  unknown, with its reason; partly known lists where that settles it
          fail, else unknown              Absent   what the rule says about `unset`
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterator

from ..policy.expectations import Expectation, FactOf, Undecided, Unset, broken, equal, spelled, wanted
from ..policy.rulebook import Head, When
from ..report.report import Certainty, Verdict
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value

WORST_FIRST: tuple[Verdict, ...] = ("fail", "unknown", "pass", "not-applicable")
SURE_LAST: tuple[Certainty, ...] = ("branch", "default", "certain")


@dataclass(slots=True)
class Decision:
    """A verdict. `reason` explains an unknown or inapplicable one; `failed` holds the expectations that are not met."""

    verdict: Verdict
    certainty: Certainty = "certain"
    reason: str = ""
    failed: dict[str, Any] = field(default_factory=dict)
    measure: str = ""  # the other fact that the value was compared with


@dataclass(slots=True)
class FactVerdict:
    """The verdict of one rule on one fact of one plan."""

    name: str
    fact: Fact
    expected: Expectation
    decision: Decision


def rule_on(head: Head, plan: TrainingPlan) -> list[FactVerdict]:
    """Return the verdicts of a rule on a plan, one per judged fact. Raises KeyError if the plan lacks a fact."""
    applies = _applies(head.when, plan) if head.when else None
    made = []
    for name, expected, fact in _judged_facts(head, plan):
        if applies is not None and applies.verdict == "not-applicable":
            made.append(FactVerdict(name, fact, expected, applies))
            continue
        decision = _fact(fact, expected, head, plan)
        if applies is not None and applies.verdict == "unknown" and decision.verdict == "fail":
            decision = Decision("unknown", reason=f"it is unknown whether the rule applies: {applies.reason}")
        elif applies is not None and decision.verdict == "fail" and applies.certainty != "certain":
            decision.certainty = min(decision.certainty, applies.certainty, key=SURE_LAST.index)
        made.append(FactVerdict(name, fact, expected, decision))
    return made


def _judged_facts(head: Head, plan: TrainingPlan) -> Iterator[tuple[str, Expectation, Fact]]:
    """Yield every fact that a rule judges; for a fact that lists defects, each of its cases."""
    for name, expected in head.expectations:
        fact = plan[name]
        for one in fact.cases or (fact,):
            yield name, expected, one


def _applies(when: When, plan: TrainingPlan) -> Decision:
    fact = plan[when.fact]
    if fact.why_not:
        return Decision(when.unseen, reason=when.otherwise or fact.why_not)
    found = _value(fact.value, when, (), when.unset or "fail")
    if found.verdict == "pass" or found.verdict == "unknown":
        return found
    what = when.fact.partition(".")[2].replace("_", " ")
    if isinstance(fact.value, Absent):
        reason = fact.value.why or f"there is no {what}"
    else:
        reason = f"{what} is {written(fact.value)}; the rule applies to {wanted(when.given())}"
    return Decision("not-applicable", reason=when.otherwise or reason)


def _fact(fact: Fact, expected: Expectation, head: Head, plan: TrainingPlan) -> Decision:
    decision = _settled(fact, expected, head, plan)
    if fact.branch:
        decision.certainty = "branch"
    elif fact.assumed and decision.certainty == "certain":
        decision.certainty = "default"
    return decision


def _settled(fact: Fact, expected: Expectation, head: Head, plan: TrainingPlan) -> Decision:
    if fact.why_not:
        return Decision("not-applicable", reason=fact.why_not)
    if not isinstance(expected.equals, FactOf):
        return _value(fact.value, expected, head.terms, expected.unset or head.unset)
    other = plan[expected.equals.fact]
    if other.why_not:
        return Decision("not-applicable", reason=other.why_not)
    if isinstance(other.value, (Known, Default)):
        known = expected.with_equal(other.value.value)
        decision = _value(fact.value, known, head.terms, expected.unset or head.unset)
        if isinstance(other.value, Default) and decision.certainty == "certain":
            decision.certainty = "default"
        decision.measure = expected.equals.fact
        return decision
    why = other.value.why if isinstance(other.value, (Unknown, Absent)) else "known only at run time"
    return Decision("unknown", reason=f"{expected.equals.fact} is unknown: {why or 'it is not set'}")


def _value(value: Value, expected: Expectation, terms: tuple[str, ...], unset: Unset) -> Decision:
    match value:
        case Known(plain):
            return _plain(plain, expected)
        case Default(plain):
            decision = _plain(plain, expected)
            decision.certainty = "default"
            return decision
        case Either(options):
            return _either([_value(o, expected, terms, unset) for o in options], value)
        case Term(text, head):
            return _term(text, head, expected, terms)
        case Text(parts):
            return _text(parts, expected)
        case Unknown(why, _, parts):
            return _parts(why, parts, expected)
    if expected.present is False and len(expected.given()) == 1:
        return Decision("pass")
    return Decision(unset, reason=value.why or "it is not set", failed=expected.given())


def _plain(plain: object, expected: Expectation) -> Decision:
    try:
        failed = broken(expected, plain)
    except Undecided as error:
        return Decision("unknown", reason=str(error))
    return Decision("fail", failed=failed) if failed else Decision("pass")


def _either(decisions: list[Decision], value: Either) -> Decision:
    verdicts = {d.verdict for d in decisions}
    on = f"`{value.condition}`" if value.condition else "the path taken"
    if verdicts == {"pass"} or verdicts == {"fail"} or verdicts == {"not-applicable"}:
        first = decisions[0]
        return Decision(first.verdict, "branch", first.reason, first.failed)
    if "unknown" in verdicts:
        reason = next(d.reason for d in decisions if d.verdict == "unknown")
    else:
        reason = f"whether it is {written(value)} depends on {on}"
    return Decision("unknown", "branch", reason)


def _term(text: str, head: str, expected: Expectation, terms: tuple[str, ...]) -> Decision:
    if any(_is_term(text, t) for t in terms):
        return Decision("pass")
    if head == "symbol":
        names = [expected.equals, *(expected.one_of or ())]
        if any(isinstance(n, str) and _is_term(text, n) for n in names) or set(expected.given()) == {"present"}:
            return (
                _plain(text if expected.present is None else True, expected) if expected.present else Decision("pass")
            )
    return Decision("unknown", reason=f"decided at run time: {text}")


_CANONICAL = re.compile(r"(?<![\w.])(?:[A-Za-z_]\w*\.)+([A-Za-z_]\w*\()")


def _is_term(text: str, named: str) -> bool:
    """Return whether an expression is one that a rule names: as written, or with canonical names of the calls."""
    if text == named or text.endswith("." + named):
        return True
    return named in (_CANONICAL.sub(r"\1", text), _CANONICAL.sub(r"\1", text).removeprefix("not "))


def _text(parts: tuple[str | Value, ...], expected: Expectation) -> Decision:
    """Judge a string with holes, if its literal start or the parts that it certainly contains decide the matter."""
    literal = [p for p in parts if isinstance(p, str)]
    if len(literal) == len(parts):
        return _plain("".join(literal), expected)
    verdicts = {_text_word(word, wish, parts) for word, wish in expected.given().items()}
    if False in verdicts:
        return Decision("fail", failed=expected.given())
    if verdicts == {True}:
        return Decision("pass")
    holes = ", ".join(written(p) for p in parts if not isinstance(p, str))
    return Decision("unknown", reason=f"decided at run time: the text depends on {holes}")


def _text_word(word: str, wish: Any, parts: tuple[str | Value, ...]) -> bool | None:
    start = parts[0] if isinstance(parts[0], str) else ""
    literal = [p for p in parts if isinstance(p, str)]
    if word in ("present", "empty") and any(literal):
        return wish is (word == "present")
    if word == "includes" and all(any(str(w) in p for p in literal) for w in wish):
        return True
    if word == "excludes" and any(str(w) in p for w in wish for p in literal):
        return False
    if word == "matches":
        start = start.removeprefix("./")
        verdicts = {_starts(start, glob) for glob in ((wish,) if isinstance(wish, str) else wish)}
        return True if True in verdicts else None if None in verdicts else False
    if word in ("equals", "one_of") and start:
        words = wish if word == "one_of" else (wish,)
        return None if any(isinstance(w, str) and w.startswith(start) for w in words) else False
    return None


def _starts(start: str, glob: str) -> bool | None:
    """Return whether a text with this start matches a glob: True if `*` covers the rest, False if the starts differ."""
    literal = re.split(r"[*?\[]", glob, maxsplit=1)[0]
    if start.startswith(literal) and glob[len(literal) :] == "*":
        return True
    return None if start.startswith(literal) or literal.startswith(start) else False


def _parts(why: str, parts: object, expected: Expectation) -> Decision:
    """Judge a list of which only some members are known."""
    members = list(parts.values()) if isinstance(parts, dict) else parts if isinstance(parts, (list, tuple)) else []
    known = [m.value for m in members if isinstance(m, Known)]
    given = expected.given()

    def has(item: object) -> bool:
        return any(equal(item, k) for k in known)

    if members and expected.empty is True:
        return Decision("fail", failed={"empty": True})
    if expected.excludes and any(map(has, expected.excludes)):
        return Decision("fail", failed={"excludes": expected.excludes})
    if known and set(given) == {"includes"} and all(map(has, given["includes"])):
        return Decision("pass")
    return Decision("unknown", reason=why)


def overall(decisions: list[Decision]) -> Decision:
    """Return one decision for several facts: the worst verdict, with the lowest certainty among those that have it."""
    if len(decisions) == 1:
        verdict, reason = decisions[0].verdict, decisions[0].reason
        return Decision(verdict, decisions[0].certainty, reason if verdict in ("unknown", "not-applicable") else "")
    worst = min((d.verdict for d in decisions), key=WORST_FIRST.index)
    those = [d for d in decisions if d.verdict == worst]
    reasons = dict.fromkeys(d.reason for d in those if d.reason)
    certainty = min((d.certainty for d in those), key=SURE_LAST.index)
    return Decision(worst, certainty, "; ".join(reasons) if worst in ("unknown", "not-applicable") else "")


def written(value: str | Value) -> str:
    """Return a value for use in a sentence, written as in the script."""
    match value:
        case str():
            return value
        case Known(plain) | Default(plain):
            return spelled(plain)
        case Either(options):
            *most, final = (written(o) for o in options)
            return f"{', '.join(most)} or {final}"
        case Term(text):
            return text
        case Text(parts):
            return spelled("".join(p if isinstance(p, str) else "{" + written(p) + "}" for p in parts))
        case Unknown():
            return "unknown"
    return "not set"
