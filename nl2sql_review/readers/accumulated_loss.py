"""Checks whether the script's own loss stays a mean when several batches are accumulated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..interpret.core.objects import Class, Function
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Place, Unknown, overrider
from .api.arguments import Defect
from .api.imports import fact as listed
from .derive import plain
from .judged_versions import within
from .prompt.models import member
from .run import MODEL_NAMES, Run

if TYPE_CHECKING:
    import libcst as cst

DIVIDES = ("transformers.Trainer", "transformers.Seq2SeqTrainer", "trl.SFTTrainer")
COUNT = "num_items_in_batch"
SINCE = "4.46.0"
MEAN = "model_accepts_loss_kwargs"
# Families whose models bring no code of their own, so that trust_remote_code=True changes nothing.
WITHOUT_CODE = ("CodeLlama", "Gemma", "Llama 2", "Llama 3", "Mistral", "Qwen", "SmolLM")
LOGS = re.compile(r"^(?:print|(?:self\.)?(?:log|\w*logg(?:er|ing)\.\w+)|warnings\.warn|wandb\.log|tqdm\.write)$")


def read(run: Run, plan: TrainingPlan) -> None:
    plan.arguments.loss_scale = loss_scale(run, plan)


def loss_scale(run: Run, plan: TrainingPlan) -> Fact:
    function, cls = own_loss(run)
    if function is None:
        why = "the trainer's own loss is used"
        return Fact(Absent(why), at=run.place, why_not=why)
    place = Place(function.scope.module.source, function.node.name if hasattr(function.node, "name") else function.node)
    if not within(run, "transformers", SINCE):
        why = f"transformers before {SINCE[:-2]} divides every loss itself"
        return Fact(Absent(why), at=place, why_not=why)
    assumed = run.versions is None or not run.versions["transformers"].said
    names = [p.name.value for p in function.named]
    name = "compute_loss" if cls is not None else "compute_loss_func"
    if COUNT not in names and function.node.params.star_kwarg is None:
        text = f"{name} does not accept {COUNT}=, but the trainer passes it since transformers 4.46: TypeError"
        return listed([Defect("refused", name, place, text, assumed=assumed)], place)
    if uses(function, names) or cls is not None and corrected(cls):
        return listed([], place)
    if cls is not None and not causal(run):
        return Fact(Unknown("it is unknown whether the model's forward() takes loss arguments"), at=place)
    steps = plan.arguments.gradient_accumulation.value
    if isinstance(steps, (Known, Default)) and isinstance(steps.value, int):
        if steps.value <= 1:
            return listed([], place)
        remedy = "divide a sum by it" + (f", pass it on to super(), or set {MEAN} = False" if cls is not None else "")
        text = (
            f"{name} does not use {COUNT}: the losses of the {steps.value} accumulated batches are summed, not "
            f"averaged; {remedy}"
        )
        by = overrider(run.load.value(*MODEL_NAMES)) if cls is not None else ""
        assumed = assumed or isinstance(steps, Default)
        return listed([Defect("summed", name, place, text, assumed=assumed, overridden_by=by)], place)
    return Fact(Unknown("the number of accumulation steps is unknown"), at=place)


def own_loss(run: Run) -> tuple[Function | None, Any]:
    """Return `compute_loss` of the script's trainer and that class, or the trainer's `compute_loss_func` and None."""
    trainer = run.trainer
    given = getattr(trainer.get("compute_loss_func"), "value", None) if trainer is not None else None
    if trainer is not None and trainer.callee in DIVIDES and trainer.instance is None and isinstance(given, Function):
        return given, None  # whose loss the trainer never divides
    cls = getattr(trainer.instance, "cls", None) if trainer is not None else None
    if trainer is None or cls is None or trainer.callee not in DIVIDES or cls.lookup("training_step") is not None:
        return None, None
    found = cls.lookup("compute_loss")
    function = getattr(found, "value", None)
    return (function, cls) if isinstance(function, Function) else (None, None)


def uses(function: Function, names: list[str]) -> bool:
    """Return whether the body computes with the count or passes on the keywords that hold it; logging it is no use."""
    import libcst as cst

    from ..source.syntax import walk

    star = function.node.params.star_kwarg
    wanted = {COUNT} if COUNT in names else {star.name.value} if star is not None else set()
    statements: list[cst.CSTNode] = [function.node.body]
    for node in walk(function.node.body):
        if isinstance(node, (cst.Assert, cst.Del)) or isinstance(node, cst.Expr) and logs(node.value):
            statements.append(node)
    body, *idle = (sum(isinstance(n, cst.Name) and n.value in wanted for n in walk(node)) for node in statements)
    return body > sum(idle)


def logs(node: cst.BaseExpression) -> bool:
    """Return whether an expression is a call that only tells something: `print(…)`, `logger.info(…)`, `self.log(…)`."""
    import libcst as cst

    from ..source.syntax import dotted

    return isinstance(node, cst.Call) and LOGS.search(dotted(node.func)) is not None


def corrected(cls: Class) -> bool:
    """Return whether the class declares to the trainer that its loss is a mean."""
    import libcst as cst

    from ..source.syntax import walk

    nodes = [node for one in cls.mro() if (node := getattr(one, "node", None)) is not None]
    return any(isinstance(n, cst.Name) and n.value == MEAN for node in nodes for n in walk(node))


def causal(run: Run) -> bool:
    """Return whether the model's `forward` surely takes loss arguments: no remote code, and not loaded by Unsloth."""
    remote = run.load.value("trust_remote_code")
    if not isinstance(remote, Absent) and not (isinstance(remote, (Known, Default)) and remote.value is False):
        name = plain(run.load.value(*MODEL_NAMES))
        named = member(name) if isinstance(name, str) else None
        if named is None or named.family not in WITHOUT_CODE:
            return False
    return any(word in run.load.callee for word in ("CausalLM", "ConditionalGeneration"))
