"""Compares a finished run with a plan, or with another finished run: values, steps, learning rate curve."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import replace

from ..files import discovery
from ..render.plan_json import PlanValue, describe_fact
from ..report.plan_diff import Difference, PlanDiff, Remark
from ..training_plan.facts import SECTIONS, TrainingPlan
from .finished_run import PICKLE, TOKENIZERS, WEIGHTS, FinishedRun, State
from .settings import Setting
from .values import alike, same, stated

TOLERANCE = 0.02  # of the peak: the curve is logged at the beginning or the end of a step, by version
FEW = 3  # logged steps that say anything of a curve
COMPARED = ("known", "default", "either")  # kinds of values that a folder's can be held against
RANK = ("lora.r", "lora.alpha")
# Modules of attention alone: of all linear layers there are others too.
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj", "out_proj", "qkv_proj", "Wqkv", "query_key_value", "c_attn", "qkv"}
SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup")


def compare(
    plan: TrainingPlan | None, run: FinishedRun, names: tuple[str, str], other: FinishedRun | None, plan_first: bool
) -> PlanDiff:
    """Compare a finished run with the plan that it should come from, or with `other`, an earlier finished run.

    `names` are those of the sides, before and after; `plan_first`: whether the plan is the side before.
    """
    pairs = list(_of_plan(plan, run)) if plan is not None else list(_of_runs(other, run)) if other is not None else []
    made: list[Difference] = []
    equal = 0
    for setting, value in pairs:
        if _agree(setting.fact, setting.value, value):
            equal += 1
            continue
        sides = (stated(setting.value), stated(value))
        before, after = sides if plan_first or plan is None else sides[::-1]
        made.append(Difference(setting.section, setting.name, before, after))
    remarks = [*_of_folder(run), *(_of_state(run, plan) if run.state is not None else ())]
    remarks += [*_kind_of_weights(plan, run), *_left_open(plan, run)] if plan is not None else ()
    if other is not None:
        remarks += [*_of_folder(other), *(_of_state(other, None) if other.state is not None else ())]
    order = {name: number for number, name in enumerate(SECTIONS)}
    made.sort(key=lambda one: order.get(one.section, len(order)))
    return PlanDiff(*names, tuple(made), (), (), (), tuple(dict.fromkeys(remarks)), equal)


def _of_plan(plan: TrainingPlan | None, run: FinishedRun) -> Iterator[tuple[Setting, PlanValue]]:
    """Yield each fact of plan and folder, with the folder's value; facts that the plan does not know are left out."""
    if plan is None:
        return
    for name, value in run.facts.items():
        stated_ = _stated(plan, name)
        if name == "lora.scaling" and not _same_rank(plan, run):
            continue  # it follows from what differs
        if name == "arguments.max_steps" and stated_.value in (-1, None):
            continue
        if name == "arguments.epochs" and _steps_rule(plan):
            continue  # max_steps wins, and the state keeps what follows from it
        if stated_.kind in COMPARED and not _untold(name, stated_, value):
            section, _, short = name.partition(".")
            yield Setting(("fact", name), section, short, stated_, name), value


def _same_rank(plan: TrainingPlan, run: FinishedRun) -> bool:
    return all(_agree(name, describe_fact(plan[name]), run.facts[name]) for name in RANK)


def _untold(fact: str, plan: PlanValue, run: PlanValue) -> bool:
    """Whether a folder writes a value down in a form that does not tell whether it is the plan's."""
    if fact == "lora.target_modules" and isinstance(run.value, str) and isinstance(plan.value, list):
        return not _agree(fact, plan, run)  # a pattern, as Unsloth and PEFT have them: what it matches is the model's
    if fact == "lora.model_name" and isinstance(run.value, str):
        return not _model(run.value)
    # Since transformers 5 a share of the steps has the name of their number.
    return fact == "arguments.warmup_steps" and isinstance(run.value, float) and 0 < run.value < 1


def _stated(plan: TrainingPlan, name: str) -> PlanValue:
    """Return the plan's value of a fact; for "all-linear" just that, since the model decides which layers these are."""
    if name == "lora.target_modules" and plan[name].note.startswith('"all-linear"'):
        return replace(describe_fact(plan[name]), kind="known", value="all-linear")
    return describe_fact(plan[name])


def _left_open(plan: TrainingPlan, run: FinishedRun) -> Iterator[Remark]:
    """Yield a remark that lists the facts of the folder that the plan does not know: they were not compared."""
    where = discovery.shown(run.folder)
    stated_ = {name: _stated(plan, name) for name in run.facts}
    unknown = [name for name, said in stated_.items() if said.kind not in (*COMPARED, "absent")]
    untold = [n for n, said in stated_.items() if said.kind in COMPARED and _untold(n, said, run.facts[n])]
    for names, who in ((unknown, "it is unknown in the plan"), (untold, "the directory does not state it exactly")):
        if names:
            which = ", ".join(name.partition(".")[2] for name in names)
            yield Remark("note", f"not compared, as {who}: {which}", where)


def _steps_rule(plan: TrainingPlan) -> bool:
    value = describe_fact(plan.arguments.max_steps)
    return value.kind in ("known", "default") and isinstance(value.value, (int, float)) and value.value > 0


def _of_runs(before: FinishedRun, after: FinishedRun) -> Iterator[tuple[Setting, PlanValue]]:
    for name in dict.fromkeys((*before.facts, *after.facts)):
        section, _, short = name.partition(".")
        absent = PlanValue("absent")
        if name == "lora.scaling" and not all(
            before.facts.get(n) and after.facts.get(n) and _agree(n, before.facts[n], after.facts[n]) for n in RANK
        ):
            continue
        yield (
            Setting(("fact", name), section, short, before.facts.get(name, absent), name),
            after.facts.get(name, absent),
        )


def _agree(fact: str, plan: PlanValue, run: PlanValue) -> bool:
    """Return whether a folder's value matches the plan, in the form in which the libraries save it."""
    if plan.kind == "either":
        return any(_agree(fact, PlanValue("known", option), run) for option in plan.value)
    a, b = plan.value, run.value
    if fact == "lora.target_modules" and isinstance(a, list) and isinstance(b, list):
        return set(map(str, a)) == set(map(str, b))  # PEFT makes a set of them
    if fact == "lora.target_modules" and a == "all-linear" and isinstance(b, list):
        return not set(b) <= ATTENTION  # PEFT writes down the modules that it found
    if fact == "lora.target_modules" and isinstance(a, list) and isinstance(b, str):
        return a == [b] or all(re.search(rf"(?<![a-z]){re.escape(str(name))}(?![a-z])", b) for name in a)
    if fact == "arguments.epochs" and run.trace and run.trace[0].text.startswith("num_train_epochs"):
        return isinstance(a, (int, float)) and math.isclose(math.ceil(a), b, rel_tol=1e-3)  # the state rounds them up
    if fact == "lora.model_name" and isinstance(a, str) and isinstance(b, str):
        return _model(a) == _model(b)
    if fact == "arguments.scheduler" and isinstance(a, str) and isinstance(b, str):
        return a.lower() == b.lower()
    if plan.kind in ("known", "default") and run.kind in ("known", "default") and fact.startswith("arguments."):
        numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))
        return math.isclose(a, b, rel_tol=1e-3) if numbers else alike(a, b)
    return same(plan, run)


def _model(name: str) -> str:
    """A model's name without what Unsloth puts in its place: the organization, and how its copy is quantized.

    Of a path into a cache it is the model's, "" where only the hash of a snapshot is left.
    """
    parts = [part for part in re.split(r"[/\\]", name) if part]
    if "snapshots" in parts[1:]:
        parts = parts[: parts.index("snapshots", 1)]
    short = parts[-1].rpartition("--")[2].replace("___", ".").lower() if parts else ""
    if re.fullmatch(r"[0-9a-f]{40}", short):
        return ""
    for ending in ("-unsloth-bnb-4bit", "-bnb-4bit", "-4bit", "-bf16", "-hf"):
        short = short.removesuffix(ending)
    return short.replace("meta-", "")


# -- the folder --------------------------------------------------------------------------------------------------


def _kind_of_weights(plan: TrainingPlan, run: FinishedRun) -> Iterator[Remark]:
    """An adapter where the script trains all weights, or a whole model where it trains an adapter."""
    where = discovery.shown(run.folder)
    adapter = describe_fact(plan.lora.adapter)
    if run.is_adapter and adapter.kind == "absent" and not plan.lora.adapter.why_not:
        yield Remark("certain", "the directory contains an adapter, but the script trains all weights", where)
    if run.is_whole_model and adapter.kind == "known":
        text = (
            "the directory contains a whole model, as a merge of the adapter makes it: nothing there shows the adapter"
        )
        yield Remark("note", text, where)


def _of_folder(run: FinishedRun) -> Iterator[Remark]:
    where = discovery.shown(run.folder)
    if run.is_adapter and not run.has_weights:
        yield Remark(
            "certain", f"there are no weights next to the adapter's configuration ({' or '.join(WEIGHTS)})", where
        )
    if empty := run.empty_weights():
        yield Remark("certain", f"{empty} contains no weights", where)
    if run.is_adapter and "tokenizer_config.json" not in run.names:
        yield Remark("may", "there is no tokenizer next to the adapter: it is loaded with the base model's", where)
    elif run.is_adapter and not any(name in run.names for name in TOKENIZERS):
        yield Remark("certain", "tokenizer_config.json is there without the tokenizer it configures", where)
    eos, pad = run.tokenizer.get("eos_token"), run.tokenizer.get("pad_token")
    if eos is not None and eos == pad:
        yield Remark("may", f"the saved tokenizer pads with its EOS token {eos!r}", where)
    for text in run.unread:
        yield Remark("note", text, where)
    if "training_args.bin" in run.names:
        yield Remark("note", PICKLE, where)


# -- trainer_state.json ------------------------------------------------------------------------------------------


def _of_state(run: FinishedRun, plan: TrainingPlan | None) -> Iterator[Remark]:
    state = run.state
    assert state is not None
    yield from _steps(state, plan, run.is_checkpoint)
    yield from _resumes(state)
    losses = [entry.loss for entry in state.log if entry.loss is not None]
    if len(losses) >= FEW and len(set(losses)) == 1:
        yield Remark(
            "certain",
            f"the loss is {losses[0]:g} at all {len(losses)} logged steps: nothing is being trained",
            state.path,
        )
    yield from _curve(state, plan)
    yield from _best(run, state)


def _steps(state: State, plan: TrainingPlan | None, is_checkpoint: bool) -> Iterator[Remark]:
    planned = state.max_steps
    said = describe_fact(plan.arguments.max_steps) if plan is not None else None
    if plan is not None and said is not None and said.kind == "known" and _steps_rule(plan):
        if planned is not None and planned != said.value:
            yield Remark("certain", f"the plan says {said.value} steps, but the run was set to {planned}", state.path)
        planned = int(said.value)
    if state.step is None or planned is None or planned <= 0:
        return
    if state.step < planned and is_checkpoint:
        yield Remark(
            "may",
            f"it is the checkpoint of step {state.step} of {planned}: it is unknown how the run ended",
            state.path,
        )
    elif state.step < planned:
        yield Remark("certain", f"the run ended at step {state.step} of {planned}", state.path)
    elif state.step > planned:
        yield Remark("certain", f"the run took {state.step} of {planned} planned steps", state.path)


def _resumes(state: State) -> Iterator[Remark]:
    """Yield a remark for each repeated step: the run was resumed from a step other than the last logged one."""
    last = 0
    for entry in state.log:
        if entry.step < last:
            saved = f", saving every {state.save_steps:g} steps" if state.save_steps else ""
            yield Remark("may", f"after step {last} the log continues at step {entry.step}{saved}", state.path)
        last = entry.step


def _curve(state: State, plan: TrainingPlan | None) -> Iterator[Remark]:
    """Yield remarks on the logged learning rates, compared with the schedule of the plan."""
    rates = [(entry.step, entry.rate) for entry in state.log if entry.rate is not None]
    total = state.max_steps or (max(step for step, _ in rates) if rates else None)
    if plan is None or not rates or not total:
        return
    peak, kind = (describe_fact(fact).value for fact in (plan.arguments.learning_rate, plan.arguments.scheduler))
    warmup = _warmup(plan, total)
    highest = max(rate for _, rate in rates)
    if isinstance(peak, (int, float)) and highest > peak * (1 + TOLERANCE):
        yield Remark("certain", f"learning_rate is {peak:g} in the plan, but {highest:g} was logged", state.path)
        return
    if not isinstance(peak, (int, float)) or kind not in SCHEDULES or warmup is None or len(rates) < FEW:
        return
    planned = describe_fact(plan.arguments.max_steps).value if _steps_rule(plan) else total
    if state.counted or planned != total:
        return  # another number of steps has been told, and gives another curve
    for step, rate in rates:
        wanted = [scheduled(str(kind), at, total, warmup) * peak for at in (step - 1, step)]
        if not min(wanted) - TOLERANCE * peak <= rate <= max(wanted) + TOLERANCE * peak:
            yield Remark(
                "certain",
                f"the learning rate at step {step} is {rate:.3g}; {kind} from {peak:g} "
                f"with {warmup} steps of warm-up gives {wanted[0]:.3g} there",
                state.path,
            )
            return
    yield Remark("note", f"all {len(rates)} logged learning rates are those of the plan's schedule", state.path)


def _warmup(plan: TrainingPlan, total: int) -> int | None:
    """Return the number of warm-up steps, rounded as the trainer rounds it; None if the plan leaves it unknown."""
    steps, ratio = (describe_fact(fact) for fact in (plan.arguments.warmup_steps, plan.arguments.warmup_ratio))
    plain = [v.value if v.kind in ("known", "default") else None for v in (steps, ratio)]
    known = [v for v in plain if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if not known:
        return 0 if steps.kind == "absent" and ratio.kind == "absent" else None
    most = max(known)
    return int(most) if most >= 1 else math.ceil(total * most)


def scheduled(kind: str, step: int, total: int, warmup: int) -> float:
    """Return the share of the peak that a schedule of transformers has after `step` optimizer steps."""
    if kind != "constant" and step < warmup:
        return step / max(1, warmup)
    if kind in ("constant", "constant_with_warmup"):
        return 1.0
    left = max(1, total - warmup)
    if kind == "linear":
        return max(0.0, (total - step) / left)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / left)))


def _best(run: FinishedRun, state: State) -> Iterator[Remark]:
    """Yield a remark if the best checkpoint has been deleted."""
    if not state.best:
        return
    name = os.path.basename(state.best.rstrip("/").replace("\\", "/"))
    places = [os.path.join(run.folder, name), os.path.join(os.path.dirname(os.path.abspath(run.folder)), name)]
    kept = os.path.basename(os.path.abspath(run.folder)) == name or any(os.path.isdir(place) for place in places)
    kept = kept or run.is_checkpoint and name == f"checkpoint-{state.step}"  # under another name
    if not kept:
        yield Remark("may", f"the best checkpoint was {name}, but it is no longer in the directory", state.path)
