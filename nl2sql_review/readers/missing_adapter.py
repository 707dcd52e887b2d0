"""Why a run has no adapter: none is added, an option leaves it out, or it is not known whether one is."""

from __future__ import annotations

import re

from ..interpret.core.objects import Function
from ..interpret.core.recording import Call
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Default, Term, Unknown
from . import hand_loop, own_optimizer
from .derive import is_left_out, is_of_the_hub, is_true
from .model_state import loads_adapter
from .object_settings import last
from .run import MODEL_NAMES, Run
from .spelling import spelt

# a class of LoRA layers, or the two matrices of one
LOW_RANK = re.compile(  # of a line, the first `self.lora_…` alone is tried
    r"^[ \t]*class (?=\w*lora)\w*\([^)]{0,300}Module|^(?=([^#\n]*?\bself\.lora_(?:a|b|down|up)\b))\1[^=\n]*=",
    re.IGNORECASE | re.MULTILINE,
)

# libraries beside PEFT that put low-rank or other layers into the model they are given
LIBRARIES = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(?:(?:loralib|minlora|lora_pytorch|lycoris|opendelta|transformers\.adapters)\b|"
    r"adapters(?:[ \t]*$|[ \t]+import\b.{0,200}\b(?:Auto\w*AdapterModel|AdapterTrainer|init)\b))",
    re.MULTILINE,
)

# what the script writes to leave some weights as they are, of whichever model: `p.requires_grad = False`, `freeze(…)`
FREEZES = re.compile(
    r"\.requires_grad {0,4}=(?!=)|\.requires_grad_\(|setattr\([^()\n]{0,80}requires_grad|freeze\w{0,40}\("
)

# The parameters of a whole model: by its own method, those that train, and in the two groups that weight decay makes.
ALL_PARAMETERS = re.compile(
    r"(?:transformers\.PreTrainedModel|torch\.(?:nn\.[\w.]*DataParallel|compile)\(.*\))\.parameters\(\)"
)
OF_MODEL = re.compile(r"PreTrainedModel\.(?:named_)?parameters\(\)")
TRAINABLE = re.compile(
    r"filter\(lambda (\w+): {0,2}\1\.requires_grad, {0,2}[\w.]+\.parameters\(\)\)"
    r"|\b(\w+) for \2 in [\w.]+\.parameters\(\) if \2\.requires_grad[\])]"
)
GROUP, OTHER_GROUP = re.compile(r"(?<!not )\bany\("), "not any("  # those with weight decay and those without

# What the name of an adapter's repository says of it, and who publishes whole models: others publish adapters, too.
OF_ADAPTER = re.compile(r"(?:^|[-_.])(?:q?lora|adapters?|peft)(?:$|[-_.])", re.IGNORECASE)
PUBLISHERS = frozenset(
    (
        "unsloth meta-llama codellama qwen google mistralai microsoft deepseek-ai tiiuae bigscience eleutherai "
        "huggingfacetb openai-community ibm-granite nvidia 01-ai thudm zai-org internlm baichuan-inc bigcode facebook "
        "stabilityai defog seeklhy tinyllama nousresearch allenai liquidai coherelabs cohereforai salesforce snowflake "
        "xgenerationlab lmsys openchat upstage databricks mosaicml apple baidu tencent moonshotai minimaxai openbmb "
        "openai"
    ).split()
)


def no_adapter(run: Run) -> Fact:
    """Return the fact that there is no adapter, or why that is not known."""
    if any(loads_adapter(c) or last(c.callee) == "load_adapter" for c in run.calls):
        return Fact(Unknown("the adapter is loaded from a directory that contains its settings"), at=run.place)
    given = run.trainer.get("peft_config") if run.trainer is not None else Absent()
    if isinstance(given, Default):
        note = f"{given.overridden_by} adds an adapter" if given.overridden_by.startswith("-") else ""
        at = run.trainer.places.get("peft_config", run.place) if run.trainer is not None else run.place
        return Fact(given, at=at, note=note, argument="peft_config")
    switched = next((c for c in run.recording.alternatives if last(c.callee) in ("get_peft_model", "LoraConfig")), None)
    if switched is not None:
        note = (
            f"{switched.condition} adds an adapter"
            if switched.condition.startswith("-")
            else "one branch adds an adapter"
        )
        off = Default(None, switched.condition, (switched.place,))
        return Fact(off, at=switched.place, note=note, argument="")
    if run.model_unknown:
        return Fact(Unknown(run.model_unknown), at=run.place)
    if (unnamed := may_bring_adapter(run)) is not None:
        return unnamed
    if own_layers(run):
        why = "the project defines LoRA layers of its own, and how they get into the model is not followed"
        return Fact(Unknown(why), at=run.place)
    if run.mentions(LIBRARIES):
        why = "the script imports another library of adapters than PEFT, and what it does to the model is not followed"
        return Fact(Unknown(why), at=run.place)
    none = Absent("no LoRA adapter is added" + (": all weights are trained" if trains_all(run) else ""))
    if hand_loop.trains(run):
        return Fact(none, at=run.load.place or run.place)
    if run.trainer is None:
        return Fact(Absent("no adapter is added"), at=run.place, why_not="the script creates no adapter and no trainer")
    return Fact(none, at=run.trainer.place)


def trains_all(run: Run) -> bool:
    """Return whether the script surely trains all weights: it freezes none, and gives its optimizer every parameter."""
    if run.mentions(FREEZES):
        return False
    trainer = run.trainer
    if trainer is None:
        made = hand_loop.calls_of(run, hand_loop.OPTIMIZERS)
        return bool(made) and all(map(takes_all, made))
    cls = getattr(trainer.instance, "cls", None)
    if cls is not None and isinstance(getattr(cls.lookup("create_optimizer"), "value", None), Function):
        return False
    made = [call] if (call := own_optimizer.maker(run)) is not None else []
    given = trainer.get("optimizers", "optimizer_cls_and_kwargs")
    return all(map(takes_all, made)) if made else is_left_out(given)


def takes_all(optimizer: Call) -> bool:
    """Return whether an optimizer is given all parameters of a model, in groups too, and not those of a part of it."""
    given = optimizer.get("params", "$0")
    if isinstance(given, Term):
        return ALL_PARAMETERS.fullmatch(given.text) is not None
    places = [place for name in ("params", "$0") if (place := optimizer.places.get(name)) is not None]
    codes = [place.source.segment(place.node) for place in (*places, *given.trace) if hasattr(place.node, "children")]
    return OF_MODEL.search(spelt(given)) is not None and any(
        TRAINABLE.search(c) or GROUP.search(c) and OTHER_GROUP in c for c in codes
    )


def may_bring_adapter(run: Run) -> Fact | None:
    """Return that the adapter is unknown if the loader may be given the directory or repository of one, else None.

    Unsloth loads that adapter as well, and it is trained; so does transformers, of a name that says that it is one.
    """
    by_unsloth = run.load.callee.startswith("unsloth")
    if not run.load or is_true(run.load.value("full_finetuning")):
        return None
    name = run.load.value(*MODEL_NAMES)
    path = str(getattr(name, "value", ""))
    loader = "Unsloth" if by_unsloth else "transformers"
    if isinstance(name, Unknown) and by_unsloth:
        why = f"Unsloth loads an adapter too, if the model has one: {name.why}"
    elif by_unsloth and path and not is_of_the_hub(path):  # no `owner/name`
        why = f"Unsloth loads an adapter too, if there is one in {path}"
    elif OF_ADAPTER.search(path.rpartition("/")[2]) or by_unsloth and path and not published(path):
        why = f"{loader} loads an adapter too, if {path} is the repository of one"
    else:
        return None
    return Fact(Unknown(why, name.trace), at=run.load.where(*MODEL_NAMES))


def published(name: str) -> bool:
    """Return whether a repository is of a publisher whose models are whole ones."""
    return name.partition("/")[0].lower() in PUBLISHERS


def own_layers(run: Run) -> bool:
    """Return whether the script or one of its modules defines low-rank layers by itself."""
    return run.mentions(LOW_RANK)
