"""Fixes of related training arguments: the batch and its accumulation, the two precisions, the warm-up."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from ...libraries.versions import key_of
from ...policy.expectations import broken, spelled
from ...readers.api.arguments import rejected
from ...readers.derive import plain
from ...report.report import Edit
from ...training_plan.facts import Fact
from ...training_plan.values import Default, Known
from .. import other_code, places
from ..candidate import Candidate
from ..context import Task, setting, together, wanted
from ..edits import imports, python
from . import configuration

BATCH, ACCUMULATION, EFFECTIVE = (
    "arguments.per_device_batch_size",
    "arguments.gradient_accumulation",
    "arguments.effective_batch",
)
SUPPORTED = ("unsloth", "is_bfloat16_supported")
T5 = re.compile(r"(?i)(?<![a-z])(?:code|long|um|m)?t5(?!\d)")
BARE_PROBE = re.compile(r"is_bf16_supported\(\s*\)")
TORCH_PROBES = [  # code for bf16 and for fp16, given the name of torch; the function that is called
    (
        "{}.cuda.is_bf16_supported(including_emulation=False)",
        "not {}.cuda.is_bf16_supported(including_emulation=False)",
        "cuda.is_bf16_supported",
    ),
    ("{}.cuda.get_device_capability()[0] >= 8", "{}.cuda.get_device_capability()[0] < 8", "cuda.get_device_capability"),
]


def factor(task: Task) -> Iterator[Candidate]:
    """Set the effective batch by the batch per device, or by the accumulation if that is no whole number."""
    processes = plain(task.plan["arguments.processes"].value) or 1
    for product in wanted(task.expected, None, task.plan):
        for name, other in ((BATCH, ACCUMULATION), (ACCUMULATION, BATCH)):
            number = _quotient(product, plain(task.plan[other].value), processes)
            if number is not None:
                yield from _set(task, name, task.plan[name], number)


def balanced(task: Task) -> Iterator[Candidate]:
    """Set the accumulation, together with the batch per device if it would otherwise spoil the effective batch.

    An effective batch that is not accepted either is set to the expected one.
    """
    processes = plain(task.plan["arguments.processes"].value) or 1
    for number in wanted(task.expected, None, task.plan):
        alone = list(_set(task, ACCUMULATION, task.fact, number))
        spoils = _spoils(task, number, processes)
        if not spoils:
            yield from alone
        batch = task.plan[BATCH]
        for effective, what in _effective(task):
            share = _quotient(effective, number, processes)
            if share is not None:
                title = f"set {task.fact.argument}={spelled(number)} and {batch.argument}={share}{what}"
                yield from together(title, alone, list(_set(task, BATCH, batch, share)))
        if spoils:
            yield from alone


def _spoils(task: Task, number: int | float, processes: object) -> bool:
    """Whether the effective batch is accepted, and would not be with another accumulation alone."""
    batch = plain(task.plan[BATCH].value)
    if not isinstance(batch, int) or not isinstance(processes, int):
        return False
    for of_rule in task.examined.rule_verdicts:
        for one, plan in of_rule.judged:
            if plan is task.plan and one.name == EFFECTIVE and one.decision.verdict == "pass":
                return bool(broken(one.expected, batch * number * processes))
    return False


def _effective(task: Task) -> Iterator[tuple[object, str]]:
    """Yield the effective batches to reach: the expected ones if the current one fails, then the current one."""
    failed = [one.judged for one in task.examined.failed_facts if one.plan is task.plan]
    for judged in (one for one in failed if one.name == EFFECTIVE):
        yield from (
            (product, f", an effective batch of {product}") for product in wanted(judged.expected, None, task.plan)
        )
    yield plain(task.plan[EFFECTIVE].value), " to keep the effective batch"


def _set(task: Task, name: str, fact: Fact, number: int | float) -> Iterator[Candidate]:
    """Set a factor of the effective batch, in a script or in a configuration."""
    if task.source.kind == "configuration":
        yield from configuration.settings(task, name, fact, [number], (EFFECTIVE,))
    else:
        yield from setting(task, name, fact, number, (EFFECTIVE,))


def _quotient(product: object, factor: object, processes: object) -> int | None:
    given = (product, factor, processes)
    numbers = [n for n in given if isinstance(n, (int, float)) and not isinstance(n, bool) and n > 0]
    if len(numbers) < len(given):
        return None
    share = numbers[0] / (numbers[1] * numbers[2])
    return int(share) if 1 <= share < math.inf and share == int(share) else None


# -- precision ---------------------------------------------------------------------------------------------------


def precision(task: Task) -> Iterator[Candidate]:
    """Set bf16 if the GPU supports it, else fp16: both arguments query the GPU.

    PyTorch's own probe counts emulation unless told not to, which early versions cannot be: for them the capability.
    """
    if task.expected.equals != "bf16 else fp16":
        return
    if T5.search(f"{task.run.load.callee} {plain(task.plan['lora.model_name'].value)}"):
        task.reasons.append("T5 overflows in fp16, so what a GPU without bfloat16 should use is the script's decision")
        return
    arguments = task.run.arguments.call
    user = arguments.place.node if arguments is not None and arguments.place.source is task.source else None
    if task.imports_unsloth():
        found = imports.imported(task.source, *SUPPORTED, user)
        probes = [("{}()", "not {}()", SUPPORTED[1])]
    else:
        found = imports.imported_module(task.source, "torch", user)
        probes = TORCH_PROBES
    if found is None:
        return
    edits, local = found
    first = ""
    if not task.imports_unsloth():
        yield from _asking_better(task)
        first = f"{local}.cuda.is_available() and " if _asks_for_a_gpu(task) else ""
    for bf16, fp16, name in probes:
        yield from _asking(task, edits, first + bf16.format(local), first + fp16.format(local), name)


def _asks_for_a_gpu(task: Task) -> bool:
    """Return whether a variable that is given as bf16 or fp16 asks if there is a GPU: without one, fp16 is refused."""
    given = (task.plan["arguments.bf16"], task.plan["arguments.fp16"])
    steps = [place for fact in given for place in (*fact.value.trace, places.argument(fact)) if place is not None]
    return any("is_available()" in place.source.excerpt(place.node, 200) for place in steps)


def _asking_better(task: Task) -> Iterator[Candidate]:
    """Yield the candidate that keeps `torch.cuda.is_available() and …` and only makes its probe leave out emulation."""
    texts: list[str] = []
    for argument in ("bf16", "fp16"):
        place = places.argument(task.plan[f"arguments.{argument}"])
        if place is None or place.node.star or place.source is not task.source:
            return
        text = task.source.segment(place.node.value)
        if "is_available()" not in text or not BARE_PROBE.search(text):
            return
        texts.append(BARE_PROBE.sub("is_bf16_supported(including_emulation=False)", text))
    bf16, fp16 = texts
    yield from _asking(task, [], bf16, fp16, "cuda.is_bf16_supported")


def _asking(task: Task, added: list[Edit], bf16: str, fp16: str, name: str) -> Iterator[Candidate]:
    """Yield the candidate that sets both arguments to code which asks the GPU by a function of this name."""
    missing, changed = [], []
    call, idle = None, False
    for argument, text in (("bf16", bf16), ("fp16", fp16)):
        fact = task.plan[f"arguments.{argument}"]
        place = places.lacking(fact) if places.omitted(fact) else places.argument(fact)
        if place is None or place.source is not task.source:
            return
        if places.omitted(fact):
            holder = place.node
            missing.append(f"{argument}={text}")
        elif place.node.star:
            return
        else:
            holder = python.call_of(task.source, place.node)
            changed.append((place.node, text))
            given_by = isinstance(fact.value, Known) and not other_code.read_elsewhere(task.examined, place)
            idle = idle or given_by or isinstance(fact.value, Default)  # a setting or option that nobody would read
        if holder is None or call not in (None, holder):
            return
        call = holder
    assert call is not None
    edits = (*added, *python.fitted(task.source, call, changed, *missing))
    facts = ("arguments.mixed_precision", "arguments.bf16", "arguments.fp16")
    asked = (name, "cuda.is_available") if "is_available()" in bf16 else (name,)
    probes = tuple(id(c.place.node) for c in task.examined.recorded.calls if c.callee.endswith(asked))
    given = ("bf16", "fp16", "including_emulation")
    yield Candidate(f"set bf16={bf16} and fp16={fp16}", edits, facts, given, asked, idle, probes)


# -- warm-up -----------------------------------------------------------------------------------------------------


SHARE_AS_STEPS = "5.0.0"  # of transformers: the first that takes a warmup_steps below 1 as a share of all steps


def warmup(task: Task) -> Iterator[Candidate]:
    """Set the share of warm-up steps, under the name that the stated versions accept."""
    ratio, steps = task.plan["arguments.warmup_ratio"], task.plan["arguments.warmup_steps"]
    facts = ("arguments.warmup", "arguments.warmup_spelling")
    names = ("warmup_ratio", "warmup_steps")
    new = rejected(task.run, task.run.arguments.call, "warmup_ratio")
    allowed = task.run.versions["transformers"].versions if task.run.versions is not None else ()
    older = new and any(key_of(version) < key_of(SHARE_AS_STEPS) for version in allowed)  # a share is 0 steps there
    for share in wanted(task.expectation("arguments.warmup"), None, task.plan):
        keep, drop = (steps, ratio) if new else (ratio, steps)
        name = names[0 if keep is ratio else 1]
        title = f"set {name}={spelled(share)}"
        if places.omitted(drop):
            for one in setting(task, f"arguments.{name}", replace(keep, argument=name), share, facts, names):
                yield replace(one, chooses=True)
            continue
        place = places.argument(drop)
        if place is None or place.node.star or place.node.keyword is None:
            continue
        if places.omitted(keep):
            renamed = python.renamed(place.source, place.node, name)
            title = f"set {name}={{}} instead of {place.node.keyword.value}"
            value = plain(drop.value)
            if isinstance(value, (int, float)) and 0 <= value < 1:  # a share, whatever it is called
                yield Candidate(title.format(spelled(value)), (renamed,), facts, names, unsafe=older)
            made = next(setting(task, "arguments.warmup", drop, share), None)
            if made is not None and not _near(task, value):
                edits = (renamed, *made.edits)
                unsafe = made.unsafe or older
                yield Candidate(title.format(spelled(share)), edits, facts, names, unsafe=unsafe, chooses=True)
            continue
        call = python.call_of(task.source, place.node)
        made = next(setting(task, "arguments.warmup", keep, share), None)
        if call is not None and made is not None:
            edits = (python.removed(task.source, place.node), *made.edits)
            title = f"{title} and remove {place.node.keyword.value}"
            yield Candidate(title, edits, facts, names, unsafe=made.unsafe, chooses=True)


def _near(task: Task, value: object) -> bool:
    return isinstance(value, (int, float)) and not broken(task.expectation("arguments.warmup"), value)
