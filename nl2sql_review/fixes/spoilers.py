"""Which of several fixes keep them from holding together: of whose text or facts the harm is made.

It is only a guess, which saves readings: what is left is proved again, and what is left out is proved by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..judgement import wording
from ..judgement.judge import Examined
from ..report.report import Edit, Finding, Location
from ..training_plan.values import Place
from .candidate import Candidate, affected, union
from .differences import changes
from .edits import overlap
from .proof import unsettled_rules


def spoiling(before: Examined, after: Examined, fixes: Sequence[tuple[Finding, Candidate]]) -> set[int]:
    """Return the numbers of the candidates that the harm comes from; empty where that does not show."""
    if after.report.status != "reviewed":
        return set()
    facts = _facts_of(after, _worse_rules(before, after))
    open_rules = unsettled_rules(before, after, [finding for finding, _ in fixes])
    whole = union([candidate for _, candidate in fixes])
    at: list[Location] = []
    changed = list(changes(before, after, whole))
    for change in changed:
        if change.fact:
            facts.add(change.fact)
        at += _locations(change.places)
    found: set[int] = set()
    for number, (finding, candidate) in enumerate(fixes):
        own = affected(candidate.facts)
        if finding.rule in open_rules:
            found.add(number)
        elif not own.isdisjoint(facts) and not _is_meant(own, facts, candidate):
            found.add(number)
        elif any(overlap(edit.location, one) for edit in candidate.edits for one in at):
            found.add(number)
        elif _written(candidate.edits, after, before):
            found.add(number)
    if not found and changed:  # only an unsafe fix may change more than its setting
        found = {number for number, (_, candidate) in enumerate(fixes) if candidate.unsafe}
    return found if len(found) < len(fixes) else set()


def _is_meant(own: set[str], facts: set[str], candidate: Candidate) -> bool:
    """Whether the facts in common are those that the candidate itself is to settle, not what derives from them."""
    return (own & facts) <= set(candidate.facts[:1])


def _worse_rules(before: Examined, after: Examined) -> set[str]:
    """The rules that fail or cannot decide more often than before."""

    def counts(examined: Examined) -> Counter[str]:
        return Counter(
            of_rule.rule.id
            for of_rule in examined.every_verdict
            for one, _ in of_rule.judged
            if one.decision.verdict in ("fail", "unknown")
        )

    return set(counts(after) - counts(before))


def _facts_of(examined: Examined, rules: set[str]) -> set[str]:
    return {one.name for of_rule in examined.every_verdict if of_rule.rule.id in rules for one, _ in of_rule.judged}


def _locations(places: Sequence[Place]) -> Iterator[Location]:
    for place in places:
        found = wording.where(place) if place.source is not None and place.node is not None else None
        if found is not None:
            yield found


def _written(edits: Sequence[Edit], after: Examined, before: Examined) -> bool:
    """Whether a finding that is new stands in code that the edits wrote."""
    old = {(f.rule, f.message) for f in before.report.findings}
    for finding in after.report.findings:
        at = finding.location
        if (finding.rule, finding.message) in old or after.source is None or at.path != after.source.path:
            continue
        code = after.source.code(at, 2000)
        if code and any(code in " ".join(edit.content.split()) for edit in edits):
            return True
    return False
