"""Finds columns that the script's own loss reads, and that the trainer takes out of the dataset."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...interpret.core.objects import Function
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Known, Place, Value
from .. import accumulated_loss
from ..api.arguments import Defect
from ..api.imports import fact as listed
from ..object_settings import last, objects
from ..run import Run, call_of

if TYPE_CHECKING:
    import libcst as cst

TRAINERS = ("transformers.Trainer", "transformers.Seq2SeqTrainer")
# What the forward() of models takes, or a trainer keeps, in any family.
TAKEN = re.compile(
    r"(?:.*_)?(?:input_ids|attention_mask|inputs_embeds|outputs|labels?|label_ids|position_ids|token_type_ids|mask)|"
    r"(?=.*(?:pixel|image|video|audio|input_features|positions|cache|past_key|logits_to_keep)).*|return_dict|output_.*"
)
# Methods of a class that may keep columns, or make columns of a batch.
ALTERS = (
    *("_remove_unused_columns", "_set_signature_columns_if_needed", "_get_collator_with_removed_columns"),
    *("get_train_dataloader", "_get_dataloader", "get_batch_samples", "_prepare_inputs", "_prepare_input"),
)
KEEPS = re.compile(r"\b_signature_columns\b|\.remove_unused_columns\s?=[^=]|\.forward\s?=[^=]")


def read(run: Run, plan: TrainingPlan) -> None:
    function, cls = accumulated_loss.own_loss(run)
    if function is None or cls is None or run.trainer is None or run.trainer.callee not in TRAINERS:
        why = "no loss of the script reads the batch"
        plan.dataset.removed_columns = Fact(Absent(why), at=run.place, why_not=why)
        return
    keeps = not removes(run) or any(cls.lookup(name) is not None for name in ALTERS)
    keeps = keeps or any(KEEPS.search(source.text) for source in (run.source, function.scope.module.source))
    plan.dataset.removed_columns = listed([] if keeps else list(read_in(function, run)), run.place)


def removes(run: Run) -> bool:
    """Return whether the trainer surely takes out the columns that the forward() of a library's model does not take."""
    given, trainer = run.arguments, run.trainer
    if trainer is None or trainer.unknown_arguments or given.unknown or not accumulated_loss.causal(run):
        return False
    if any(
        last(c.callee) in ("set_transform", "with_transform") for c in run.calls
    ):  # makes columns of a row when read
        return False
    if not is_left(given.value("remove_unused_columns")) or not isinstance(given.value("label_names"), Absent):
        return False
    return of_library(trainer.get("data_collator"))


def is_left(value: Value) -> bool:
    return isinstance(value, Absent) or isinstance(value, Known) and value.value is True


def of_library(collator: Value) -> bool:
    """Return whether a collator, if any, is one of transformers, which makes no column of its own."""
    if isinstance(collator, Absent):
        return True
    if getattr(collator, "text", "").startswith("transformers."):
        return True
    calls = [call_of(thing) for thing in objects(collator)]
    return bool(calls) and all(
        call is not None and call.callee.startswith("transformers.") and call.instance is None for call in calls
    )


def read_in(function: Function, run: Run) -> Iterator[Defect]:
    """Yield the columns that a loss reads by name from the batch."""

    from ...source.syntax import walk

    names = [parameter.name.value for parameter in function.positional]
    if len(names) < 3:
        return
    source, batch, nodes = function.scope.module.source, names[2], list(walk(function.node.body))
    if any(fills(node, batch) for node in nodes):
        return
    asked = {column for node in nodes if (column := asked_for(node, batch))}
    for node in nodes:
        column, lost = named(node, batch)
        lost = lost or column in asked
        if column and not TAKEN.fullmatch(column):
            what = "it is never there, and nothing says so" if lost else "KeyError"
            text = (
                f'the loss reads the column "{column}", but the trainer removes the columns that forward() does not '
                f"take: {what}"
            )
            remedy = "set remove_unused_columns=False and hand the model only what it takes"
            yield Defect("removed", column, Place(source, node), text, remedy=remedy)


def fills(node: cst.CSTNode, batch: str) -> bool:
    """Return whether a node may put a column into the batch, or another batch in its place."""
    import libcst as cst

    if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)):
        owner = node.target.value if isinstance(node.target, cst.Subscript) else node.target
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        owner = node.func.value if node.func.attr.value in ("update", "setdefault") else node
    else:
        return False
    return isinstance(owner, cst.Name) and owner.value == batch


def asked_for(node: cst.CSTNode, batch: str) -> str:
    """Return the column of a test whether the batch has it: `"weight" in inputs`."""
    import libcst as cst

    from ...source.syntax import walk

    if not isinstance(node, cst.Comparison) or not isinstance(node.left, cst.SimpleString):
        return ""
    owners = [one.comparator for one in node.comparisons if isinstance(one.operator, (cst.In, cst.NotIn))]
    of_batch = any(isinstance(n, cst.Name) and n.value == batch for owner in owners for n in walk(owner))
    text = node.left.evaluated_value
    return text if of_batch and isinstance(text, str) else ""


def named(node: cst.CSTNode, batch: str) -> tuple[str, bool]:
    """Return the column that an expression reads from the batch, and whether a missing one goes unnoticed."""
    import libcst as cst

    key: cst.BaseExpression | None = None
    quiet = False
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        index = node.slice[0].slice
        owner, key = node.value, index.value if isinstance(index, cst.Index) else None
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.args:
        method = node.func.attr.value
        owner, key = node.func.value, node.args[0].value if method in ("pop", "get") else None
        quiet = method == "get" or len(node.args) > 1
    else:
        return "", False
    if not isinstance(owner, cst.Name) or owner.value != batch or not isinstance(key, cst.SimpleString):
        return "", False
    text = key.evaluated_value
    return (text, quiet) if isinstance(text, str) else ("", False)
