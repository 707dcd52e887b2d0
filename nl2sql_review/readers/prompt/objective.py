"""What a run trains towards: why its texts are not judged, or not as a question followed by an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...interpret.core.objects import Class, Function
from ...training_plan.values import Term
from ..derive import plain
from ..hand_loop.objective import LOG_SIGMOIDS, SPOKEN_OF, other_objective, unsure
from ..object_settings import last
from ..run import Run
from ..untrained import no_training

if TYPE_CHECKING:
    import libcst as cst

# How the names of trainers begin that do not train on a text and its answer.
OTHER_OBJECTIVES = (
    "DPO GRPO PPO Reward KTO ORPO CPO RLOO BCO PRM XPO GKD OnlineDPO NashMD "
    "SentenceTransformer CrossEncoder SparseEncoder"
).split()
# Models that label a text or fill its gaps.
OTHER_HEADS = re.compile(r"Classification$|For(?:QuestionAnswering|MultipleChoice|MaskedLM|PreTraining)$")
# The older way to train an encoder, without a trainer.
FITS = re.compile(r"sentence_transformers\.(?:SentenceTransformer|CrossEncoder|SparseEncoder)\.(?:fit|old_fit)")
# Models of sound and of pictures: by their class.
NO_TEXT = re.compile(
    r"^Whisper|Speech|CTC$|^Wav2Vec|^Hubert|^UNet|Diffusion|^Autoencoder|Transformer2D|^Flux|^CLIP|^ViT"
)
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
    return f"{name} does not train on a text and its answer" if other else classifies(run) or compares(run)


def doubt(run: Run) -> str:
    """Return why it is unknown whether the run trains on answers, or "" if it does or certainly does not."""
    if objective(run):
        return ""
    if run.trainer is None:
        return unsure(run)
    said = next((m[0] for _, code in own_loss_code(run) if (m := SPOKEN_OF.search(code))), "")
    return (
        f"it is unknown whether the trainer's own loss is that of answers: its class speaks of {said}" if said else ""
    )


def compares(run: Run) -> str:
    """Return why a trainer of the script trains on preferences: its own loss has a log-sigmoid; "" if it has none."""
    for node, code in own_loss_code(run):
        if not any(name in code for name in LOG_SIGMOIDS):
            continue
        import libcst as cst  # a configuration, which has no classes, is read without it

        from ...source.syntax import dotted, walk

        called = (last(dotted(one.func)) for one in walk(node) if isinstance(one, cst.Call))
        if any(name in LOG_SIGMOIDS for name in called):
            return (
                "the trainer's own loss compares answers by a log-sigmoid: it does not train on a text and its answer"
            )
    return ""


def own_loss_code(run: Run) -> Iterator[tuple[cst.CSTNode, str]]:
    """Yield the script's classes of a trainer that computes its loss itself, each as a node and as text."""
    cls = getattr(run.trainer.instance, "cls", None) if run.trainer is not None else None
    if cls is None or not isinstance(getattr(cls.lookup("compute_loss"), "value", None), Function):
        return
    for one in cls.mro():
        if isinstance(one, Class) and one.node is not None:
            yield one.node, one.scope.module.source.segment(one.node)


def classifies(run: Run) -> str:
    """Return why the model labels a text, or fills its gaps, rather than writes one; "" if it may write one."""
    loader = last(run.load.callee.rpartition(".")[0])
    if "For" in loader and OTHER_HEADS.search(loader):
        return f"{loader} does not learn to write a text"
    if NO_TEXT.search(loader):
        return f"{loader} is a model of sound or pictures: it reads no question"
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
