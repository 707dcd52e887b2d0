"""Objects of the training stack: models, tokenizers, trainers, and functions that return their argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.datasets import Dataset, Row
from ...core.library import ATTRIBUTE_MODELS, CONSTANTS, METHOD_MODELS, model, record, record_call, result
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Function, Instance, Opaque, Sequence, object_of
from ...core.operations import freeze
from ..data.datasets import parameter_name
from .modules import JOINED, listed

if TYPE_CHECKING:
    import libcst as cst

    from ...core.recording import Call


def hand_back(call: ModelCall) -> Value:
    """Record the call and return its first argument, changed in place."""
    recorded = record_call(call)
    value = call.arguments.get(0, "trainer", "model", "dataset", "func")
    recorded.result = object_of(value)
    return value if not isinstance(value, Absent) else Unknown(f"{call.callee} without an argument")


for _name in (
    "unsloth.chat_templates.train_on_responses_only",
    "unsloth.chat_templates.standardize_sharegpt",
    "unsloth.chat_templates.standardize_data_formats",
    "unsloth.chat_templates.to_sharegpt",
    "unsloth.FastLanguageModel.for_training",
    "unsloth.FastLanguageModel.for_inference",
    "unsloth.FastModel.for_training",
    "unsloth.FastModel.for_inference",
    "torch.compile",
):
    model(_name)(hand_back)


@model("accelerate.Accelerator.prepare", "accelerate.Accelerator.prepare_model")
def prepare(call: ModelCall) -> Value:
    args = call.arguments
    record_call(call)
    return args.get(0) if len(args.positional) == 1 else Known(Sequence(tuple(args.positional), "tuple"))


@model("trl.setup_chat_format", "trl.clone_chat_template")
def setup_chat_format(call: ModelCall) -> Value:
    args = call.arguments
    record_call(call)
    extra = (Known(Opaque("added tokens")),) if call.callee.endswith("clone_chat_template") else ()
    return Known(Sequence((args.get(0, "model"), args.get(1, "tokenizer"), *extra), "tuple"))


# A processor of texts and images holds the tokenizer: both are one here, as what is set on either is set on the texts'.
ATTRIBUTE_MODELS["transformers.PreTrainedTokenizer", "tokenizer"] = lambda call: call.receiver
CONSTANTS["transformers.LabelSmoother.ignore_index"] = Known(-100)  # scripts take it for the label that no loss counts


# -- methods that return the object itself ---------------------------------------------------------------
def itself(call: ModelCall) -> Value:
    """Record the call and return its receiver: of a class of the script, the object that the library's part is of."""
    record_call(call)
    base = object_of(call.receiver)
    own = base.call.instance if isinstance(base, Opaque) and base.call is not None else None
    return Known(own, call.receiver.trace) if own is not None and own.base is base else call.receiver


for _kind in ("model", "torch.nn.Module", "transformers.PreTrainedModel"):
    for _name in "to cuda cpu xpu half float double bfloat16 eval train requires_grad_ share_memory".split():
        METHOD_MODELS[_kind, _name] = itself

# The model inside a model has its weights, those of an adapter among them.
for _name in ("base_model", "model"):
    ATTRIBUTE_MODELS["model", _name] = lambda call: call.receiver


def called(m: Machine, f: Opaque, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Call a library object: `tokenizer(text)`, `model(**batch)`."""
    owner = {"model": "transformers.PreTrainedModel"}.get(f.kind, f.kind or f.text)
    callee = f"{owner}.__call__"
    call = record(m, callee, args, node, Known(f))
    return result(m, Opaque(f.text), callee, call, args, node, Known(f))


TRAINERS = ("transformers.Trainer", "transformers.Seq2SeqTrainer")  # they take the rows as they come
A_BATCH = "how many rows a batch has is known only at run time"


# -- trainers --------------------------------------------------------------------------------------------
def row_of_own(m: Machine, call: Call, data: object, node: cst.CSTNode | None) -> None:
    """Return one row of a dataset class of the script: the result of its `__getitem__` for an index."""
    if not isinstance(data, Instance) or call.result is None:
        return
    found = data.cls.lookup("__getitem__")
    if found is not None:
        index = Known(Opaque("index"))
        with m.supposing("a row is read"):
            row = m.call(found, Arguments([Known(data), index]), node)
        call.result.slots["row"] = freeze(row)


def batch_of_own(m: Machine, call: Call, collator: Value, data: object, node: cst.CSTNode | None) -> None:
    """Run a collator of the script's own that makes the tokens itself on a batch, for the ids of its rows.

    What it does is undone: it runs again for each batch, and nothing of it is there before training.
    """
    own = object_of(collator)
    if not isinstance(data, Dataset) or "input_ids" in data.columns or call.result is None:
        return
    if not isinstance(own, Function) and not (isinstance(own, Instance) and own.cls.lookup("__call__") is not None):
        return
    rows = Known(Sequence((Known(Row("row", data, False)),), "list", A_BATCH))
    mark = m.mark()
    m.silent += 1
    try:
        with m.supposing("a batch is collated"):
            made = m.call(collator, Arguments([rows]), node)
            ids = freeze(m.item(made, Known("input_ids"), node))
    finally:
        m.silent -= 1
        m.rollback(mark)
    call.result.slots["batch"] = ids


def after_construction(m: Machine, call: Call, args: Arguments, node: cst.CSTNode | None) -> None:
    """Run a trainer's `formatting_func` and the `__getitem__` of its dataset, or of a loader's.

    So is a collator that makes the tokens itself. The symbolic results are stored in `call.result.slots["formatted"]`,
    `["row"]` and `["batch"]`. Of joined datasets the list is.
    """
    if call.callee == JOINED:
        call.result.slots["datasets"] = Known(Sequence(tuple(listed(call.get("datasets", "$0"))), "list"))
        return
    data = args.get(None, "train_dataset") if "Trainer" in call.callee else args.get(0, "dataset")
    row_of_own(m, call, object_of(data), node)
    if call.callee in TRAINERS:
        batch_of_own(m, call, args.get(None, "data_collator"), object_of(data), node)
    fn = args.get(None, "formatting_func")
    if isinstance(fn, Absent) or isinstance(fn, Known) and fn.value is None or call.result is None:
        return
    rows = object_of(data)
    out = m.call(
        fn, Arguments([Known(Row(parameter_name(fn), rows if isinstance(rows, Dataset) else None, False))]), node
    )
    obj = object_of(out)
    if isinstance(obj, Sequence) and obj.state.items:
        out = obj.state.items[0]
    call.result.slots["formatted"] = freeze(out)
