"""Proof of a fix: the edited script is read again and its actions are compared with those of the script before.

A fix holds if its finding is settled, as pass or not applicable, and nothing is worse: no rule has a new
finding, no more facts are unknown, and every name is bound when the code that reads it runs. It is *safe* if
the calls and the plan differ only in the fixed facts, in facts derived from them, and in facts that other
rules wanted changed in the same way. It is *unsafe* if something else differs too, or if the run gets past
the point that stopped it and another finding appears. A fix does not hold if it leaves no fewer findings, or
as many without fewer that stop the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..judgement.judge import Examined
from ..judgement.verdict import WORST_FIRST, FactVerdict
from ..policy.rulebook import NOTICES
from ..readers.derive import numeric
from ..report.report import Finding
from .candidate import Candidate, union
from .comparison import placeless
from .differences import changes

# What every loader of transformers takes.
TAKEN = frozenset(("quantization_config", "dtype", "torch_dtype", "device_map", "attn_implementation", "token"))


@dataclass(frozen=True)
class Proof:
    """Applicability of a candidate, None if it does not hold, and the reason why it is not safe."""

    applicability: Literal["safe", "unsafe"] | None
    why: str = ""


def prove(before: Examined, after: Examined, finding: Finding, candidate: Candidate) -> Proof:
    """Return the proof of the candidate's edits, given the script with and without them."""
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
    """Return whether several candidates hold together: every finding is gone, and only what they list differs.

    As alone, unsafe candidates may change more than they list.
    """
    if _unreadable(before, after) or _breaks(before, after) or _worse(before, after):
        return False
    if unsettled_rules(before, after, [finding for finding, _ in fixes]):
        return False
    candidates = [candidate for _, candidate in fixes]
    return all(c.unsafe for c in candidates) or not any(_differences(before, after, union(candidates)))


def unsettled_rules(before: Examined, after: Examined, fixed: Sequence[Finding]) -> set[str]:
    """Return the rules that are undecided after the fixes of some findings, or have more findings than are left."""
    old, new = counted(before), counted(after)
    gone = Counter(finding.rule for finding in fixed)
    left = {rule for rule in {*old, *new} if new[rule] > old[rule] - gone[rule]}
    return left | {rule for rule in gone if _verdict(after, rule) == "unknown"}


def elsewhere(before: Examined, after: Examined, candidate: Candidate) -> Literal["safe", "unsafe"] | None:
    """Return the effect of the edits on another script: safe if only their targets change, None if they do harm."""
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
    """Return what every fix reduces, so that fixing ends: the findings that stop the run, then all failures."""
    found = [f for f in examined.report.findings if f.suppressed is None]
    notices = sum(f.rule in NOTICES for f in found)
    return sum(f.effect == "stops" for f in found), failing(examined).total() + notices


def failing(examined: Examined) -> Counter[str]:
    """Return the number of facts, in all plans, that each requested rule does not accept."""
    return Counter(
        of_rule.rule.id
        for of_rule in examined.rule_verdicts
        for one, _ in of_rule.judged
        if one.decision.verdict == "fail"
    )


def counted(examined: Examined) -> Counter[str]:
    """Return each rule's number of findings, with those merged into another's, without silenced ones."""
    found = (f for f in examined.report.findings if f.suppressed is None)
    return Counter(rule for f in found for rule in (f.rule, *f.related))


def _failing(examined: Examined) -> Iterator[tuple[str, FactVerdict]]:
    """Yield each fact that any rule does not accept, requested or not, with the id of the rule."""
    for of_rule in examined.every_verdict:
        yield from ((of_rule.rule.id, one) for one, _ in of_rule.judged if one.decision.verdict == "fail")


def _farther(before: Examined, rule: str, judged: FactVerdict) -> bool:
    """Return whether a failing number is farther from the expected one than before: 128 for 16 in place of 32."""
    wanted, number = judged.expected.equals, numeric(judged.fact.value)
    if number is None or isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return False
    old = [
        found
        for id, one in _failing(before)
        if id == rule and one.name == judged.name
        if (found := numeric(one.fact.value)) is not None
    ]
    return bool(old) and abs(number - wanted) > max(abs(one - wanted) for one in old)


def unsettled(examined: Examined) -> Counter[str]:
    """Return the number of facts for which each rule's verdict is unknown."""
    return Counter(
        f"{of_rule.rule.id} {one.name}"
        for of_rule in examined.every_verdict
        for one, _ in of_rule.judged
        if one.decision.verdict == "unknown"
    )


def unheard(examined: Examined) -> Counter[str]:
    """Return the number of facts that each rule that was not requested rejects: a fix must not add to them."""
    return Counter(
        of_rule.rule.id for of_rule in examined.others for one, _ in of_rule.judged if one.decision.verdict == "fail"
    )


def unbound(examined: Examined) -> Counter[str]:
    """Return the names that are read before they are bound, and the number of places for each."""
    return Counter(examined.recording.undefined.values() if examined.recording is not None else ())


def _loaded_with(examined: Examined) -> Counter[tuple[str, str]]:
    """Return the arguments of transformers' loaders beyond those that all loaders accept.

    The loaders pass unknown arguments to the model, so no signature shows whether they are refused.
    """
    calls = examined.recording.calls if examined.recording is not None else ()
    loads = (c for c in calls if c.callee.startswith("transformers.") and c.callee.endswith(".from_pretrained"))
    return Counter((c.callee, name) for c in loads for name in c.arguments if name not in TAKEN)


def _silenced(examined: Examined) -> Counter[tuple[str, str]]:
    return Counter((f.rule, placeless(f.message)) for f in examined.report.findings if f.suppressed is not None)


def _breaks(before: Examined, after: Examined) -> str:
    """Return which name is read before it is bound, or that a comment now silences another finding; else ""."""
    names = unbound(after) - unbound(before)
    if names:
        return f"{', '.join(names)} would not be defined at that point"
    given = next(iter(_loaded_with(after) - _loaded_with(before)), None)
    if given is not None:
        return f"{given[0]} may refuse {given[1]}="
    return "" if _silenced(before) == _silenced(after) else "a comment suppresses it"


def _new(before: Examined, after: Examined) -> str:
    """Return the rules that have new findings instead."""
    return ", ".join(counted(after) - counted(before)) or "what stops the run"


def _verdict(examined: Examined, rule: str) -> str:
    return next((item.verdict for item in examined.report.checklist if item.rule == rule), "")


def _doubts(before: Examined, after: Examined, rule: str) -> bool:
    """Return whether a rule has more unknown facts than before: its finding may still be there, but hidden."""
    new = unsettled(after) - unsettled(before)
    return any(one.startswith(f"{rule} ") for one in new)


def _runs_further(before: Examined, after: Examined) -> bool:
    """Return whether what stopped the run is gone, so that one other finding that it hid may appear."""
    (stopped, old), (stops, new) = measure(before), measure(after)
    return stops < stopped and new <= old


def _worse(before: Examined, after: Examined) -> str:
    """Return what is worse: a new finding, item or unknown fact, or a number farther off; else "".

    An unknown fact is no better than a failing one: a defect that can no longer be seen is still there.
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
    """Yield, in words, what else the edits changed."""
    return (one.said for one in changes(before, after, candidate))
