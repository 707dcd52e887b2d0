"""What a run trains towards: why its texts are not judged, or not as a question followed by an answer."""

from __future__ import annotations

import re

from ...training_plan.values import Term
from ..derive import plain
from ..hand_loop.objective import other_objective
from ..object_settings import last
from ..run import Run
from ..untrained import no_training

# How the names of trainers begin that do not train on a text and its answer.
OTHER_OBJECTIVES = (
    "DPO GRPO PPO Reward KTO ORPO CPO RLOO BCO PRM XPO GKD OnlineDPO NashMD "
    "SentenceTransformer CrossEncoder SparseEncoder"
).split()
# Models that label a text or fill its gaps.
OTHER_HEADS = re.compile(r"Classification$|For(?:QuestionAnswering|MultipleChoice|MaskedLM|PreTraining)$")
# The older way to train an encoder, without a trainer.
FITS = re.compile(r"sentence_transformers\.(?:SentenceTransformer|CrossEncoder|SparseEncoder)\.(?:fit|old_fit)")
CLASSIFYING = ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS")  # task types of peft
# Encoder-decoder models, by their class and by their name; a Seq2SeqTrainer trains any model.
ENCODES = re.compile(r"Seq2Seq|^M?T5|^U?MT5|^M?Bart|Pegasus|EncoderDecoder")
ENCODERS = re.compile(r"(^|[-_/])(flan-)?(m|code|by|long-)?t5([-_p]|$)|(^|[-_/])m?bart[-_]|pegasus")


def objective(run: Run) -> str:
    """Return why the texts of this run are not judged, or "" if they are."""
    if run.configuration is not None and run.configuration.text.objective:
        return str(run.configuration.text.objective)
    if why := no_training(run):
        return why
    if run.trainer is None:
        fit = next((c.callee for c in run.calls if FITS.fullmatch(c.callee)), "")
        return f"{fit.partition('.')[2]}() does not train on a text and its answer" if fit else other_objective(run)
    name = last(run.trainer.callee)
    other = next((o for o in OTHER_OBJECTIVES if name.startswith(o)), None)
    return f"{name} does not train on a text and its answer" if other else classifies(run)


def classifies(run: Run) -> str:
    """Return why the model labels a text, or fills its gaps, rather than writes one; "" if it may write one."""
    loader = last(run.load.callee.rpartition(".")[0])
    if "For" in loader and OTHER_HEADS.search(loader):
        return f"{loader} does not learn to write a text"
    if "CausalLM" in loader:
        return ""
    task = run.adapter.value("task_type")
    said = task.text.rpartition(".")[2] if isinstance(task, Term) else plain(task)
    return f"an adapter for {said} trains a classifier: it writes no text" if said in CLASSIFYING else ""


def apart(run: Run) -> str:
    """Return why the texts are not judged as question followed by answer, or "" if they are."""
    if other := objective(run):
        return other
    name = plain(run.load.value("pretrained_model_name_or_path", "model_name", "$0"))
    loader = last(run.load.callee.rpartition(".")[0])
    by_name = isinstance(name, str) and ENCODERS.search(name.lower()) is not None
    if not by_name and not ENCODES.search(loader):
        return ""
    return (
        "an encoder-decoder model reads the question separately: its labels are only the answer, with an end of its own"
    )
