"""Whether a fix holds: the script is read again with it, and what it would do is compared with what it did.

A fix holds when what it is for is settled, as pass or not applicable, and nothing is worse: no finding of any rule is
new, no more is unknown, and every name is bound when the code that reads it runs. It is *safe* when the calls and the
plan differ only in what was to be fixed, in what derives from that, and in what other rules wanted changed in the same
way; *unsafe* when something else differs too, or when the run gets past what stopped it and another finding comes to
light. What leaves no fewer findings, or as many but none that stops the run less, does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..judgement.judge import Examined
from ..judgement.verdict import WORST_FIRST, FactVerdict
from ..policy.rulebook import NOTICES
from ..report.report import Finding
from ..training_plan.facts import Fact
from ..training_plan.values import Default, Known
from .candidate import Candidate, union
from .comparison import placeless
from .differences import changes

# What every loader of transformers takes.
TAKEN = frozenset(("quantization_config", "dtype", "torch_dtype", "device_map", "attn_implementation", "token"))


@dataclass(frozen=True)
class Proof:
    """What a candidate amounts to: None where it does not hold, and why it is not safe."""

    applicability: Literal["safe", "unsafe"] | None
    why: str = ""


def prove(before: Examined, after: Examined, finding: Finding, candidate: Candidate) -> Proof:
    """What the candidate's edits amount to, given the script with and without them."""
    broken = _unreadable(before, after) or _breaks(before, after)
    if broken:
        return Proof(None, broken)
    if failing(after)[finding.rule] >= failing(before)[finding.rule]:
        return Proof(None, f"{finding.rule} still has a finding")
    if _doubts(before, after, finding.rule) or _verdict(after, finding.rule) == "unknown":
        return Proof(None, f"{finding.rule} would then be unknown")
    if measure(after) >= measure(before):
        return Proof(None, f"there would be as many findings as before: {_new(before, after)}")
    worse = _worse(before, after)
    if worse:
        return Proof("unsafe" if _runs_further(before, after) else None, worse)
    if candidate.unsafe:
        return Proof("unsafe", "more may depend on it than the plan shows")
    differs = next(_differences(before, after, candidate), "")
    return Proof("unsafe" if differs else "safe", f"{differs} changes too" if differs else "")


def hold_together(before: Examined, after: Examined, fixes: Sequence[tuple[Finding, Candidate]]) -> bool:
    """Whether several candidates hold together: every finding is gone, and only what they say differs."""
    if _unreadable(before, after) or _breaks(before, after) or _worse(before, after):
        return False
    if any(_verdict(after, finding.rule) == "unknown" for finding, _ in fixes):
        return False
    old, new = counted(before), counted(after)
    gone = Counter(finding.rule for finding, _ in fixes)
    if any(new[rule] > old[rule] - gone[rule] for rule in {*old, *new}):
        return False
    return not any(_differences(before, after, union([candidate for _, candidate in fixes])))


def elsewhere(before: Examined, after: Examined, candidate: Candidate) -> Literal["safe", "unsafe"] | None:
    """What the edits amount to in another script: safe if they change only what they are for, None if they do harm."""
    if before.report.status != after.report.status or after.faults:
        return None
    if _breaks(before, after) or _worse(before, after):
        return None
    return "unsafe" if any(_differences(before, after, candidate)) else "safe"


def _unreadable(before: Examined, after: Examined) -> str:
    if (
        after.report.status != "reviewed"
        or after.faults
        or len(after.text_source.problems) > len(before.text_source.problems)
    ):
        return "the script could then not be read"
    if after.recorded.exhausted and not before.recorded.exhausted:
        return "the script would then take too many steps to evaluate"
    return ""


def measure(examined: Examined) -> tuple[int, int]:
    """What every fix makes smaller: findings that stop the run, then all that fails. So fixing comes to an end."""
    found = [f for f in examined.report.findings if f.suppressed is None]
    notices = sum(f.rule in NOTICES for f in found)
    return sum(f.effect == "stops" for f in found), failing(examined).total() + notices


def failing(examined: Examined) -> Counter[str]:
    """How many facts each rule that was asked for does not accept, in all plans."""
    return Counter(
        of_rule.rule.id
        for of_rule in examined.rule_verdicts
        for one, _ in of_rule.judged
        if one.decision.verdict == "fail"
    )


def counted(examined: Examined) -> Counter[str]:
    """How many findings each rule has, also merged into another's; those apart that a comment silences."""
    found = (f for f in examined.report.findings if f.suppressed is None)
    return Counter(rule for f in found for rule in (f.rule, *f.related))


def _failing(examined: Examined) -> Iterator[tuple[str, FactVerdict]]:
    """What any rule does not accept, asked for or not, with its id."""
    for of_rule in (*examined.rule_verdicts, *examined.others):
        yield from ((of_rule.rule.id, one) for one, _ in of_rule.judged if one.decision.verdict == "fail")


def _farther(before: Examined, rule: str, judged: FactVerdict) -> bool:
    """Whether a number that fails is farther from the one expected than it was: 128 for 16 in place of 32."""
    wanted, number = judged.expected.equals, _number(judged.fact)
    if number is None or isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return False
    old = [
        found
        for id, one in _failing(before)
        if id == rule and one.name == judged.name
        if (found := _number(one.fact)) is not None
    ]
    return bool(old) and abs(number - wanted) > max(abs(one - wanted) for one in old)


def _number(fact: Fact) -> int | float | None:
    value = fact.value.value if isinstance(fact.value, (Known, Default)) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def unsettled(examined: Examined) -> Counter[str]:
    """Of how many facts each rule cannot say whether it holds."""
    return Counter(
        f"{of_rule.rule.id} {one.name}"
        for of_rule in (*examined.rule_verdicts, *examined.others)
        for one, _ in of_rule.judged
        if one.decision.verdict == "unknown"
    )


def unheard(examined: Examined) -> Counter[str]:
    """How many facts each rule does not accept that was not asked for: a fix must not be paid for there."""
    return Counter(
        of_rule.rule.id for of_rule in examined.others for one, _ in of_rule.judged if one.decision.verdict == "fail"
    )


def unbound(examined: Examined) -> Counter[str]:
    """The names that are read where they are not bound by then, and in how many places."""
    return Counter(examined.recording.undefined.values() if examined.recording is not None else ())


def _loaded_with(examined: Examined) -> Counter[tuple[str, str]]:
    """What transformers' loaders are given beyond what all of them take.

    They hand on what they do not know to the model, so that no signature tells whether it is refused.
    """
    calls = examined.recording.calls if examined.recording is not None else ()
    loads = (c for c in calls if c.callee.startswith("transformers.") and c.callee.endswith(".from_pretrained"))
    return Counter((c.callee, name) for c in loads for name in c.arguments if name not in TAKEN)


def _silenced(examined: Examined) -> Counter[tuple[str, str]]:
    return Counter((f.rule, placeless(f.message)) for f in examined.report.findings if f.suppressed is not None)


def _breaks(before: Examined, after: Examined) -> str:
    """Which name is read where it is not bound by then, or that what a comment silences is another finding; else ""."""
    names = unbound(after) - unbound(before)
    if names:
        return f"{', '.join(names)} would not be defined at that point"
    given = next(iter(_loaded_with(after) - _loaded_with(before)), None)
    if given is not None:
        return f"{given[0]} may refuse {given[1]}="
    return "" if _silenced(before) == _silenced(after) else "a comment suppresses it"


def _new(before: Examined, after: Examined) -> str:
    """The rules that find something in its place."""
    return ", ".join(counted(after) - counted(before)) or "what stops the run"


def _verdict(examined: Examined, rule: str) -> str:
    return next((item.verdict for item in examined.report.checklist if item.rule == rule), "")


def _doubts(before: Examined, after: Examined, rule: str) -> bool:
    """Whether a rule can say less than before: what it found may still be there, and only be hidden."""
    new = unsettled(after) - unsettled(before)
    return any(one.startswith(f"{rule} ") for one in new)


def _runs_further(before: Examined, after: Examined) -> bool:
    """Whether what stopped the run is gone, so that one other finding may come to light that it hid."""
    (stopped, old), (stops, new) = measure(before), measure(after)
    return stops < stopped and new <= old


def _worse(before: Examined, after: Examined) -> str:
    """What is worse: a finding, an item or an unknown that was not there before, a number farther off; else "".

    What is not known is no better than what fails: a defect that can no longer be seen is still there.
    """
    undecided = "{} would become unknown"
    for count, what in (
        (counted, "{} would be a new finding"),
        (unheard, "{} would be a new finding"),
        (unsettled, undecided),
    ):
        new = count(after) - count(before)
        if new:
            return what.format(", ".join(new))
    farther = next((rule for rule, judged in _failing(after) if _farther(before, rule, judged)), "")
    if farther:
        return f"{farther} would be further off"
    old = {item.rule: WORST_FIRST.index(item.verdict) for item in before.report.checklist}
    bad = (item for item in after.report.checklist if item.verdict in ("fail", "unknown"))
    fallen = next((item for item in bad if WORST_FIRST.index(item.verdict) < old.get(item.rule, 0)), None)
    return f"{fallen.rule} would be {fallen.verdict}" if fallen is not None else ""


def _differences(before: Examined, after: Examined, candidate: Candidate) -> Iterator[str]:
    """What else the edits changed, in words."""
    return (one.said for one in changes(before, after, candidate))
