"""Checks whether anything trains: adapters that are frozen, replaced or inactive when training begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..interpret.core.objects import Instance, Opaque
from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, Lora, TrainingPlan
from ..training_plan.values import Absent, Either, Known, Place, Unknown, Value
from . import hand_loop
from .api.arguments import Defect
from .api.imports import fact as listed
from .judged_versions import within
from .model_state import Adapter, ModelState, family, judge_config, loads_adapter, replay, subject
from .object_settings import last, makers, objects
from .own_optimizer import maker
from .run import Run
from .spelling import spelt
from .untrained import only_asked

if TYPE_CHECKING:
    import libcst as cst

    from ..source import Source

FROZEN = {
    "loaded": "the adapter is loaded without is_trainable=True: it is frozen and not trained",
    "folder": "the directory contains an adapter, and loading it as a model freezes it: use AutoPeftModelForCausalLM "
    "with is_trainable=True",
    "inference mode": "inference_mode=True creates a frozen adapter: it is not trained",
    "saved configuration": "the configuration of a saved adapter has inference_mode=True, so an adapter created from "
    "it is frozen; set inference_mode = False first",
    "prepared": "prepare_model_for_kbit_training is called after the adapter is added and freezes it: call it before",
    "frozen": "every parameter is frozen after the adapter is added, including the adapter's own",
    "merged": "the model has frozen weights and, after the merge, no adapter: nothing is trained",
    "disabled": "the adapter is switched off, and stays so in training: it is not trained",
    "optimizer": "the optimizer is made before the adapter and holds none of its weights: the adapter is not trained",
    "again": "SFTTrainer of trl 0.20 to 0.22 prepares a quantized model again and freezes its adapter",
}

PARAMETERS = ("parameters", "named_parameters")
DISTRIBUTED = ("DistributedDataParallel", "DataParallel")
MOST_MODULES = 500  # looked at for a model that a module of the script holds
FROZEN_ONE = re.compile(r"not \w+\.requires_grad|\w+\.requires_grad (?:is|==) False")
TRAINED_ONE = re.compile(r"\w+\.requires_grad")
GROUP = re.compile(r"[\"']params[\"']: ?(\w+)")
LEAVES = re.compile(r"continue(?:\s*#.*)?")


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.lora
    added = run.adapter_call or next(filter(loads_adapter, run.calls), None)
    if added is not None and hand_loop.trains(run):
        of_loop(run, part, added)
        return
    why = not_read(run)
    if why is not None:
        part.frozen = part.replaced = why
        return
    assert run.trainer is not None
    until = max((c.order for c in run.train), default=None)
    frozen: list[Defect] = []
    replaced: list[Defect] = []
    doubts: list[str] = []
    found = False
    value = run.trainer.get("model")
    things = list(objects(value))
    for thing in things:
        state = replay(run, thing, until)
        found = found or bool(state.adapters or state.merged)
        if state.doubt:
            doubts.append(state.doubt)
            continue
        branch = value.condition or "the path taken" if isinstance(value, Either) else ""
        wrong = list(judged(run, state, branch)) or made_before(run, state, maker(run), branch)
        if wrong and branch and run.train and all(call.conditional for call in run.train):
            doubts.append(
                "one of the models that may be trained is frozen, and it is unknown whether that one is trained"
            )
            continue
        frozen += wrong
        replaced += second(run, state, branch)
    by_trainer = [d for d in trainers_own(run)]
    frozen += by_trainer
    found = found or bool(makers(run.trainer.get("peft_config")))
    if not found:
        part.frozen = part.replaced = absent(run, "the script trains no adapter")
        return
    part.frozen = undecided(frozen, doubts, run.place)
    part.replaced = undecided(replaced, doubts, run.place)


def of_loop(run: Run, part: Lora, added: Call) -> None:
    """Fill in whether a loop of the script trains its adapter, if the optimizer of the loop is known."""
    state = replay(run, added.result, run.backward[0].order)
    optimizers = hand_loop.calls_of(run, hand_loop.OPTIMIZERS)
    if state.doubt or state.adapter is None or len(optimizers) != 1:
        why = state.doubt or "it is unknown which weights the loop trains"
        part.frozen = part.replaced = Fact(Unknown(why), at=added.place)
        return
    (optimizer,) = optimizers
    frozen = [*judged(run, state, ""), *made_before(run, state, optimizer, "")]
    doubts = [] if holds_weights(run, optimizer, state.adapter) else ["it is unknown which weights the optimizer holds"]
    doubts += ["it is unknown which weights stay frozen in the module around the model"] * freezes_around(
        run, state.adapter
    )
    part.frozen = undecided(frozen, doubts, optimizer.place)
    part.replaced = listed(list(second(run, state, "")), added.place)


def holds_weights(run: Run, optimizer: Call, adapter: Adapter) -> bool:
    """Return whether an optimizer is given parameters of the model that has the adapter, and of no other."""
    value = optimizer.get("params", "$0")
    given = spelt(value)
    if "parameters()" not in given or isinstance(value, Unknown) and not takes_each(optimizer):
        return False
    members = set(map(id, family(run, adapter.call.result)))
    asked = [c for c in run.calls if last(c.callee) in PARAMETERS and adapter.call.order < c.order < optimizer.order]
    named = [c for c in asked if c.result is not None and c.result.text in given]
    return bool(named) and all(any(id(one) in members for one in held_by(c)) for c in named)


def freezes_around(run: Run, adapter: Adapter) -> bool:
    """Return whether the script sets what is trained of a module of its own that holds the model with the adapter."""
    members = set(map(id, family(run, adapter.call.result)))
    setting = [c for c in run.calls if last(c.callee) in ("requires_grad=", "requires_grad_", "apply")]
    around = [c for c in setting if c.order > adapter.call.order and members.isdisjoint(map(id, subject(c)))]
    return any(id(one) in members for c in around for one in held_by(c))


def held_by(call: Call) -> Iterator[Any]:
    """Yield the models whose parameters a call gives: of a module of the script, those in its attributes too."""
    waiting = list(subject(call))
    for one in waiting:
        yield one
        made = getattr(one, "call", None)
        if made is not None and last(made.callee) in DISTRIBUTED:
            waiting += objects(made.get("module", "$0"))
        own = one if isinstance(one, Instance) else getattr(made, "instance", None)
        if own is not None and len(waiting) < MOST_MODULES:
            waiting += [held for value in own.slots.values() if isinstance(value, Value) for held in objects(value)]


def takes_each(optimizer: Call) -> bool:
    """Return whether the loop over a model's parameters that fills an optimizer's lists leaves out only frozen ones."""
    import libcst as cst

    from ..source.syntax import walk

    source, node = optimizer.place.source, optimizer.place.node
    functions = [one for one in source.nodes.path(node) if isinstance(one, (cst.FunctionDef, cst.Module))]
    loops = [one for one in walk(functions[-1]) if isinstance(one, cst.For)] if functions else []
    over = [n for n in loops if source.segment(n.iter).endswith("parameters()") and ".append(" in source.segment(n)]
    if len(over) != 1 or not appends(over[0].body.body, source):
        return False
    given = [source.segment(node), *GROUP.findall(source.segment(functions[-1]))]
    filled = re.findall(r"\b(\w+)\.append\(", source.segment(over[0]))
    return all(any(re.search(rf"\b{name}\b", text) for text in given) for name in filled)


def appends(lines: Sequence[cst.CSTNode], source: Source) -> bool:
    """Return whether every way through some lines appends to a list, but for a parameter that is not trained."""
    import libcst as cst

    for line in lines:
        if isinstance(line, cst.SimpleStatementLine) and ".append(" in source.segment(line):
            return True
        if isinstance(line, cst.If):
            test, inside = source.segment(line.test), line.body.body
            if (
                FROZEN_ONE.fullmatch(test)
                and line.orelse is None
                and LEAVES.fullmatch(source.segment(line.body).strip())
            ):
                continue
            if TRAINED_ONE.fullmatch(test) and line.orelse is None:
                return appends(inside, source)
            other = line.orelse
            rest = [other] if isinstance(other, cst.If) else other.body.body if other is not None else []
            return appends(inside, source) and appends(rest, source)
        if not isinstance(line, cst.SimpleStatementLine) or "continue" in source.segment(line):
            return False
    return False


def not_read(run: Run) -> Fact | None:
    if run.configuration is not None:
        return absent(run, "the program that reads the configuration adds the adapter")
    if run.trainer is None:
        return absent(run, "no trainer is created")
    if not run.train and only_asked(run):
        return absent(run, "the trainer only evaluates and predicts")
    value: Value = run.trainer.get("model")
    if isinstance(value, Unknown):
        return absent(run, f"it is unknown which model is trained: {value.why}")
    return None


def absent(run: Run, why: str) -> Fact:
    return Fact(Absent(why), at=run.place, why_not=why)


def undecided(defects: list[Defect], doubts: list[str], at: Place | None) -> Fact:
    if defects or not doubts:
        return listed(defects, at)
    return Fact(Unknown(doubts[0]), at=at)


def judged(run: Run, state: ModelState, branch: str) -> Iterator[Defect]:
    """Yield the defects that freeze the adapter that is trained."""
    if run.trainer is not None and not isinstance(run.trainer.get("peft_config"), Absent):
        return
    adapter = state.adapter
    if adapter is None:
        if state.merged is not None and state.bare_frozen:
            yield Defect("merged", "merge_and_unload", model_at(run), FROZEN["merged"], branch)
        return
    if adapter.trains is False and not (len(state.adapters) > 1 and others_train(state, adapter)):
        yield Defect(adapter.kind, adapter.name, adapter.place, FROZEN[adapter.kind], branch, trace=adapter.trace)
    elif state.frozen is not None:
        yield Defect(state.frozen_by, adapter.name, state.frozen, FROZEN[state.frozen_by], branch)
    elif prepared_again(run, state, adapter):
        yield Defect("again", adapter.name, model_at(run), FROZEN["again"], branch)


def made_before(run: Run, state: ModelState, optimizer: Call | None, branch: str) -> list[Defect]:
    """Return the optimizer that the script makes before the adapter, from the weights that there were."""
    adapter = state.adapter
    if run.trainer is not None and makers(run.trainer.get("peft_config")).makers:
        made = run.trainer.order
    else:
        made = adapter.call.order if adapter is not None else 0
    if optimizer is None or optimizer.order > made or any(last(c.callee) == "add_param_group" for c in run.calls):
        return []
    return [Defect("optimizer", last(optimizer.callee), optimizer.place, FROZEN["optimizer"], branch)]


def others_train(state: ModelState, adapter: Adapter) -> bool:
    """Return whether another adapter trains: that it is not the active one is then the worse defect."""
    return any(a.trains for a in state.adapters.values() if a is not adapter)


def second(run: Run, state: ModelState, branch: str) -> Iterator[Defect]:
    """Yield adapters that replace another, or that are loaded to be trained but are not active."""
    for event in state.events:
        yield Defect(
            "replaced",
            event.adapter,
            event.place,
            "the model already has an adapter: get_peft_model does not stack another on top, and the weights of the "
            "first are lost; merge the first one before",
            branch,
        )
    adapter = state.adapter
    for other in state.adapters.values():
        if adapter is not None and other is not adapter and other.trains and other.kind in ("loaded", ""):
            meant = "loaded to be trained" if other.kind == "loaded" else "added"
            if adapter.trains is False or other.kind == "":
                yield Defect(
                    "inactive",
                    other.name,
                    other.call.place,
                    f'the adapter "{other.name}" is {meant}, but "{adapter.name}" is the active one: '
                    f'call set_adapter("{other.name}")',
                    branch,
                )


def model_at(run: Run) -> Place:
    assert run.trainer is not None
    return run.trainer.places.get("model", run.trainer.place)


def prepared_again(run: Run, state: ModelState, adapter: Adapter) -> bool:
    """Return whether this trl calls prepare_model_for_kbit_training on a quantized model that has its adapter."""
    if run.trainer is None or run.trainer.callee != "trl.SFTTrainer" or state.unsloth or state.load is None:
        return False
    if not within(run, "trl", "0.20.0", "0.23.0"):
        return False
    settings = makers(state.load.get("quantization_config"))
    bits = [settings.value("load_in_4bit"), settings.value("load_in_8bit"), state.load.get("load_in_4bit")]
    return any(isinstance(b, Known) and b.value is True for b in bits)


def trainers_own(run: Run) -> Iterator[Defect]:
    """Yield a frozen adapter that the trainer makes from its `peft_config`."""
    assert run.trainer is not None
    settings = makers(run.trainer.get("peft_config"))
    if len(settings.makers) != 1:
        return
    call, made = settings.makers[0]
    place = run.trainer.places.get("peft_config", run.trainer.place)
    adapter = Adapter("default", run.trainer, place)
    judge_config(adapter, settings, call, made if isinstance(made, Opaque) else None)
    if adapter.trains is False:
        yield Defect(adapter.kind, "default", adapter.place, FROZEN[adapter.kind], trace=adapter.trace)
