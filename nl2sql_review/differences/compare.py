"""Compares two sides: settings by section, their consequences, verdicts, the training text."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..readers import defaults
from ..readers.object_settings import last
from ..render.plan_json import describe_call, describe_fact, steps
from ..render.plan_words import said
from ..report.plan_diff import Difference, PlanDiff, Remark, Stated, VerdictChange
from ..training_plan.facts import SECTIONS, TrainingPlan
from . import against_plan, consequences
from .settings import OWN_FACTS, SAVING, Setting, arriving, of_calls, of_environment, of_facts, of_imports, other_calls
from .sides import NotReadable, Side
from .values import is_default, origin, same, stated, words_of

UNSET = Stated("unset")
CONTEXT = 2  # lines around a change of the training text
# argument -> what it is called now; only where the meaning is the same
RENAMED = {
    "evaluation_strategy": "eval_strategy",
    "max_seq_length": "max_length",
    "max_seq_len": "max_seq_length",
    "tokenizer": "processing_class",
    "torch_dtype": "dtype",
    "warmup_ratio": "warmup_steps",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "use_auth_token": "token",
}


def compare(before: Side, after: Side) -> PlanDiff:
    """Compare two sides."""
    if before.finished is not None or after.finished is not None:
        return _finished(before, after)
    if before.keys and after.keys and not (before.plans and after.plans):
        found, equal = differing(before.keys, after.keys, None, None)
        note = Remark("note", "no program is known to train from these keys: they are compared as they are")
        return PlanDiff(before.name, after.name, tuple(found), remarks=(note,), equal=equal)
    for side in (before, after):
        if not side.plans:
            raise NotReadable(f"{side.name}: not a training configuration; compare it with another, or name its script")
    first, second = before.plans[0], after.plans[0]
    differences, equal = _settings(before, after, 0)
    followed = list(consequences.between(first, second))
    remarks = []
    if len(before.plans) != len(after.plans):
        counts = f"{len(before.plans)} and {len(after.plans)}"
        remarks.append(Remark("note", f"the sides define {counts} runs: the first of each is compared"))
    for number in range(1, len(before.plans)) if len(before.plans) == len(after.plans) else ():
        more, alike = _settings(before, after, number)
        later = list(consequences.between(before.plans[number], after.plans[number]))
        equal += alike
        for found, of in ((differences, more), (followed, later)):
            told = set(map(_words, found))
            found += [replace(one, name=f"{one.name}, trainer {number + 1}") for one in of if _words(one) not in told]
    return PlanDiff(
        before.name,
        after.name,
        tuple(sorted(differences, key=lambda one: _section(one.section))),
        tuple(followed),
        tuple(_verdicts(before, after)),
        tuple(_prompt(first, second)),
        tuple(remarks),
        equal,
    )


def _finished(before: Side, after: Side) -> PlanDiff:
    """Compare two sides of which at least one is a finished run."""
    names = (before.name, after.name)
    if before.finished is not None and after.finished is not None:
        return against_plan.compare(None, after.finished, names, before.finished, False)
    side, run = (before, after.finished) if after.finished is not None else (after, before.finished)
    if run is None or not side.plans:
        raise NotReadable(f"{side.name}: it defines no run to compare a finished one with")
    return against_plan.compare(side.plans[0], run, names, None, side is before)


def _section(name: str) -> int:
    return SECTIONS.index(name) if name in SECTIONS else len(SECTIONS)


def _words(one: Difference) -> tuple[str, ...]:
    """Return all displayed texts of a difference, to tell it from another."""
    return one.section, one.name, one.before.text, one.after.text, one.before.origin, one.after.origin, one.note


def _settings(before: Side, after: Side, number: int) -> tuple[list[Difference], int]:
    """Return the settings that differ between the runs of this number on both sides, and how many are equal."""
    first, second = before.plans[number], after.plans[number]
    if before.flavour != after.flavour:  # who reads them gives the same thing other names
        return differing(of_facts(first), of_facts(second), first, second)
    if before.keys or after.keys:
        found, equal = differing(before.keys, after.keys, first, second)
        facts, alike = differing(of_facts(first, ("api.trainer",)), of_facts(second, ("api.trainer",)), first, second)
        return [*found, *facts], equal + alike
    assert before.examined is not None and after.examined is not None
    found, equal = differing(*_paired(before, after, number), first, second)
    calls = list(_calls(before, after))
    gone = {one.name.removesuffix("()") for one in calls}
    found = [one for one in found if one.name.partition("(")[0] not in gone or "(" not in one.name]
    facts, alike = differing(of_facts(first, OWN_FACTS), of_facts(second, OWN_FACTS), first, second)
    told = {setting.name for setting in found}
    told_by_text = {"parts", "style"} if list(_prompt(first, second)) else set()
    facts = [one for one in _telling(facts) if one.name not in told | told_by_text]
    defaults = list(_defaults(first, second, told))
    variables, unchanged = differing(of_environment(before.examined), of_environment(after.examined), None, None)
    equal += unchanged
    imports = of_imports(before.examined), of_imports(after.examined)
    order = differing(*imports, None, None)[0] if all(imports) else []
    made = [*found, *facts, *defaults, *calls, *variables, *order]
    made += _options(before, after, made)
    return [*made, *_read_configurations(before, after, made)], equal + alike


def _paired(before: Side, after: Side, number: int) -> tuple[list[Setting], list[Setting]]:
    """Return the settings of each side's calls, without calls that one side makes more often: pairs are unknown."""
    assert before.examined is not None and after.examined is not None
    examined = (before.examined, after.examined)
    counts = [Counter(call.callee for call in one.recording.calls) for one in examined if one.recording is not None]
    odd = {name for name in counts[0] if len(counts) > 1 and counts[1][name] not in (0, counts[0][name])}
    made = [[one for one in of_calls(each, number) if one.key[0].partition("#")[0] not in odd] for each in examined]
    return made[0], made[1]


def _telling(facts: Iterable[Difference]) -> Iterator[Difference]:
    """Yield the informative facts, each reason once; facts that apply to one side only follow from others."""
    reasons: set[tuple[str, str]] = set()
    for one in facts:
        kinds = (one.before.kind, one.after.kind)
        if "absent" in kinds:
            continue
        why = one.before.text if one.before.kind == "unknown" else one.after.text if "unknown" in kinds else ""
        if why and (one.section, why) in reasons:
            continue
        reasons.add((one.section, why))
        yield one


def differing(
    before: Iterable[Setting], after: Iterable[Setting], first: TrainingPlan | None, second: TrainingPlan | None
) -> tuple[list[Difference], int]:
    """Return the settings that differ between two lists, and how many are equal."""
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    made: list[Difference] = []
    equal = 0
    renamed: set[tuple[str, str]] = set()
    for key in dict.fromkeys((*old, *new)):
        a, b = old.get(key), new.get(key)
        if key in renamed:
            continue
        if a is not None and b is not None:
            if same(a.value, b.value):
                equal += 1
            else:
                made.append(Difference(b.section, b.name, stated(a.value), stated(b.value)))
            continue
        one = a or b
        assert one is not None
        other = _counterpart(one, *((new, old) if a is not None else (old, new)))
        if other is not None and other.key not in renamed:
            renamed |= {key, other.key}
            if other.name == one.name:  # from the trainer to its arguments, or back
                equal += 1
                continue
            pair = (one, other) if a is not None else (other, one)
            made.append(_renamed(*pair))
        elif one.value.kind != "absent":
            unset = _unset(one, second if a is not None else first)
            here = stated(one.value)
            sides = (here, unset) if a is not None else (unset, here)
            made.append(Difference(one.section, one.name, *sides))
    return made, equal


def _counterpart(
    one: Setting, there: dict[tuple[str, str], Setting], here: dict[tuple[str, str], Setting]
) -> Setting | None:
    """Return the same setting on the other side under its earlier or current name, with the same value."""
    role, name = one.key
    names = [new for old, new in RENAMED.items() if old == name] + [old for old, new in RENAMED.items() if new == name]
    moved = {"train": "trainer", "trainer": "train"}.get(role, role)
    for key in (*((role, other) for other in names), (moved, name), *((moved, other) for other in names)):
        found = there.get(key)
        if found is not None and key not in here and same(found.value, one.value):
            return found
    return None


def _renamed(before: Setting, after: Setting) -> Difference:
    a, b = stated(before.value), stated(after.value)
    return Difference(
        after.section,
        after.name,
        Stated(f"{before.name}={a.text}", a.value, a.kind, a.origin),
        Stated(f"{after.name}={b.text}", b.value, b.kind, b.origin),
        "renamed, with the same value",
    )


def _unset(one: Setting, plan: TrainingPlan | None) -> Stated:
    """Return "unset", with the default of the library if the plan has it."""
    if not one.fact or plan is None:
        return UNSET
    value = describe_fact(plan[one.fact])
    if value.kind not in ("known", "default") or not is_default(value):
        return UNSET
    return Stated(f"unset ({said(value)} by default)", value.value, "absent")


def _defaults(first: TrainingPlan, second: TrainingPlan, told: set[str]) -> Iterator[Difference]:
    """Yield the defaults that differ although neither side sets them: by library version or class of arguments."""
    for (name, fact), (_, other) in zip(first.facts(), second.facts()):
        a, b = describe_fact(fact), describe_fact(other)
        section, _, short = name.partition(".")
        if section in ("api", "memory") or fact.argument in told or same(a, b):
            continue
        if is_default(a) and is_default(b) and fact.argument:
            versions, classes = (
                _versions(first, second),
                [describe_fact(p.api.arguments_class).value for p in (first, second)],
            )
            patched = [describe_fact(p.api.patched).value for p in (first, second)]
            alike = classes[0] == classes[1] and patched[0] == patched[1] and not versions
            if alike and defaults.differs_by_release(str(classes[0]), fact.argument):
                continue  # each script was read with the newest release that takes it, and one may take both
            note = "a default"
            if classes[0] != classes[1]:
                note = f"a default, because the class differs: {last(str(classes[0]))} → {last(str(classes[1]))}"
            elif versions:
                note = f"a default that differs between the stated versions: {versions}"
            yield Difference(section, fact.argument or short, stated(a), stated(b), note)


def _versions(first: TrainingPlan, second: TrainingPlan) -> str:
    a, b = (describe_fact(plan.api.versions).value for plan in (first, second))
    if not isinstance(a, dict) or not isinstance(b, dict):
        return ""
    return ", ".join(f"{name} {a[name]} → {b[name]}" for name in a if name in b and a[name] != b[name])


def _calls(before: Side, after: Side) -> Iterator[Difference]:
    """Yield the calls that only one side makes."""
    assert before.examined is not None and after.examined is not None
    old, new = other_calls(before.examined), other_calls(after.examined)
    for callee in dict.fromkeys((*old, *new)):
        if (callee in old) == (callee in new):
            continue
        call = describe_call(old.get(callee) or new[callee])
        cell = f"cell {call.cell}:" if call.cell else ""
        here = Stated("called", None, "known", f"{call.path}:{cell}{call.row}")
        sides = (here, Stated("not called")) if callee in old else (Stated("not called"), here)
        section = "dataset" if callee.startswith("datasets") else "memory" if callee.startswith("torch") else "lora"
        section = "artifact" if callee in SAVING else "arguments" if last(callee) == "evaluate" else section
        yield Difference(section, f"{last(callee)}()", *sides)


def _places(found: Iterable[Difference]) -> set[str]:
    """Return the places of the differences, as `train.py:12`."""
    return {side.origin.partition(" ")[0] for one in found for side in (one.before, one.after) if side.origin}


def _read_configurations(before: Side, after: Side, found: list[Difference]) -> Iterator[Difference]:
    """Keys of the configurations that both scripts read, which differ and come out in no setting shown.

    A key that one side alone has is not named either where its value is that of a setting which agrees.
    """
    assert before.examined is not None and after.examined is not None
    told = _places(found)
    agreeing = arriving(before.examined) | arriving(after.examined)
    for name in before.read.keys() & after.read.keys():
        for one in differing(before.read[name], after.read[name], None, None)[0]:
            alone = "absent" in (one.before.kind, one.after.kind)
            if not _places([one]) & (told | agreeing if alone else told):
                yield one


def _options(before: Side, after: Side, found: list[Difference]) -> Iterator[Difference]:
    """Yield the command line options that only one side declares, unless a difference already shows their value."""
    told = _places(found)
    old, new = ({} if s.examined is None or s.examined.recording is None else s.examined.recording.options
                for s in (before, after))  # fmt: skip
    for name in dict.fromkeys((*old, *new)):
        if (name in old) == (name in new):
            continue
        place = old.get(name) or new.get(name)
        where = origin(steps((place,))) if place is not None else ""
        if where.partition(" ")[0] in told:
            continue
        here, there = Stated("an option", None, "known", where), Stated("no option")
        yield Difference("arguments", name, *((here, there) if name in old else (there, here)))


# -- the training text -------------------------------------------------------------------------------------------


def _prompt(first: TrainingPlan, second: TrainingPlan) -> Iterator[str]:
    a, b = words_of(describe_fact(first.prompt.text)), words_of(describe_fact(second.prompt.text))
    if a and b and a != b:
        yield from list(difflib.unified_diff(a, b, n=CONTEXT, lineterm=""))[2:]


# -- verdicts ----------------------------------------------------------------------------------------------------


def _verdicts(before: Side, after: Side) -> Iterator[VerdictChange]:
    assert before.examined is not None and after.examined is not None
    old = {item.rule: item for item in before.examined.report.checklist}
    for item in after.examined.report.checklist:
        was = old.get(item.rule)
        if was is not None and was.verdict != item.verdict:
            evidence = item.evidence or item.reason
            yield VerdictChange(item.rule, item.title, was.verdict, item.verdict, evidence)
