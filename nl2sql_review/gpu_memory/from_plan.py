"""Converts a training plan to the possible setups, or to the reason why memory cannot be estimated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Unknown, Value, options
from .architectures import Architecture, table
from .setup import PROJECTIONS, Setup

MOST = 64  # combinations of branches that are looked at


class NoEstimate(Exception):
    """Reason why there is no estimate. `weights` is (model, number of parameters, bits) if the name gives these."""

    def __init__(self, reason: str, weights: tuple[str, float, int] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.weights = weights


@dataclass(frozen=True, slots=True)
class Runs:
    """Setups of a plan: several if the script branches; `default` names what may override a value, if anything may."""

    setups: tuple[Setup, ...]
    default: str = ""


# field of Setup -> the fact that holds it, and what it is taken to be where the plan does not say
FACTS = {
    "batch": "arguments.per_device_batch_size",
    "length": "memory.sequence_length",
    "bits": "memory.bits",
    "rank": "lora.r",
    "targets": "lora.target_modules",
    "optimizer": "arguments.optimizer",
    "checkpointing": "memory.checkpointing",
    "loss": "memory.loss",
    "double_quant": "memory.double_quant",
    "dynamic": "memory.dynamic_weights",
    "wide_embeddings": "memory.wide_embeddings",
    "unsloth": "memory.unsloth",
    "trained_embeddings": "memory.trained_embeddings",
    "eager_attention": "memory.eager_attention",
    "packing": "memory.packing",
    "joined_rows": "memory.joined_rows",
}
ASSUMED: dict[str, tuple[Any, str]] = {
    "targets": (PROJECTIONS, "an adapter on all seven projections"),
    "optimizer": ("adamw_torch", "a 32-bit AdamW"),
    "checkpointing": ("kept", "plain gradient checkpointing"),
    "loss": ("whole", "full logits"),
    "double_quant": (False, ""),
    "dynamic": (False, ""),
    "unsloth": (False, ""),
    "wide_embeddings": (False, ""),
    "trained_embeddings": (0, ""),
    "eager_attention": (False, "attention without score matrices"),
    "packing": (False, ""),
    "joined_rows": (False, ""),
}


def runs(plan: TrainingPlan, **given: Any) -> Runs:
    """Return the setups of a plan; fields of Setup in `given` replace the plan's values. Raises NoEstimate."""
    sharded = plan.memory.sharded
    if isinstance(sharded.value, Known):
        raise NoEstimate(
            f"the model is spread over several GPUs ({sharded.value.value}), and the estimate does not cover that"
        )
    possible: dict[str, list[Any]] = {"architecture": architectures(plan, given)}
    default, assumed = "", []
    for name, fact_name in FACTS.items():
        if name in given:
            possible[name] = [given[name]]
            continue
        if name in ("rank", "targets") and trains_everything(plan):
            possible[name] = [0 if name == "rank" else PROJECTIONS]
            continue
        fact = plan[fact_name]
        try:
            possible[name] = [checked(name, o) for o in alternatives(fact.value, fact)]
        except NoEstimate as error:
            if name not in ASSUMED:
                what = "rank" if name == "rank" else fact_name.partition(".")[2].replace("_", " ")
                raise NoEstimate(f"the {what} is unknown: {error.reason}") from None
            value, words = ASSUMED[name]
            possible[name] = [value]
            if words and not (name == "eager_attention" and isinstance(fact.value, Absent)):
                assumed.append(words)
        else:
            default = default or next(
                (v.overridden_by or "the command line" for v in options(fact.value) if isinstance(v, Default)), ""
            )
    setups = []
    for chosen in list(product(*possible.values()))[:MOST]:
        setups.append(covered(Setup(**dict(zip(possible, chosen)), assumed=tuple(assumed))))
    return Runs(tuple(dict.fromkeys(setups)), default)


def covered(setup: Setup) -> Setup:
    """Return the setup if such a run is possible and can be estimated. Raises NoEstimate."""
    if setup.unsloth and setup.architecture.name.startswith("gemma-3"):
        raise NoEstimate(
            "Gemma 3 with Unsloth falls back to 32 bits on some GPUs; measured runs took up to three times the estimate"
        )
    if not setup.rank and setup.bits < 16:
        raise NoEstimate(f"{setup.bits}-bit weights cannot be trained, and there is no adapter")
    model = setup.architecture
    if setup.rank > model.hidden:
        raise NoEstimate(f"a LoRA rank of {setup.rank} is more than the hidden size of {model.name}, {model.hidden}")
    if setup.rank and not setup.trained_embeddings and not model.adapter_parameters(setup.rank, setup.targets):
        raise NoEstimate(f"it is unknown which layers of {model.name} are meant by {', '.join(setup.targets)}")
    return setup


def trains_everything(plan: TrainingPlan) -> bool:
    adapter = plan.lora.adapter
    return isinstance(adapter.value, Absent) and not adapter.why_not


def architectures(plan: TrainingPlan, given: dict[str, Any]) -> list[Architecture]:
    if "architecture" in given:
        return [given["architecture"]]
    fact = plan.memory.architecture
    found = []
    for option in alternatives(fact.value, fact):
        if isinstance(option, str):
            found.append(table()[option])
        elif "parameters" in option:
            # the fewest that are possible: what is said of the weights must hold
            width = given.get("bits") or min(
                b.value if isinstance(b, (Known, Default)) else 4 for b in options(plan.memory.bits.value)
            )
            said = f"{option['name']} is known only by its size: its weights can be estimated, a run cannot"
            raise NoEstimate(said, (option["name"], option["parameters"], width))
        else:
            found.append(Architecture(**option))
    return found


def alternatives(value: Value, fact: Fact) -> list[Any]:
    """Return the plain values that a fact may have. Raises NoEstimate if one of them is unknown."""
    found = []
    for option in options(value):
        if isinstance(option, (Known, Default)):
            found.append(option.value)
        elif isinstance(option, (Unknown, Absent)):
            raise NoEstimate(fact.why_not or option.why or "it is not set")
        else:
            raise NoEstimate(f"{getattr(option, 'text', '') or 'it'} is known only at run time")
    return found


def checked(name: str, value: object) -> Any:
    """Convert a value to the type of its Setup field. Raises NoEstimate for a value that makes no sense there."""
    if name in ("batch", "length", "rank"):
        if value is None and name == "length":
            raise NoEstimate("it has no limit")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value < 2**31:
            raise NoEstimate(f"{value!r} is not a usable number")
        return int(value)
    if name == "targets":
        if value is None:  # PEFT's choice for Llama and its kin
            return ("q_proj", "v_proj")
        if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(v, str) for v in value):
            raise NoEstimate("it is not a list of names")
        return tuple(sorted(v.rpartition(".")[2] for v in value))
    if name == "optimizer":
        if not isinstance(value, str):
            raise NoEstimate("it is not a name")
        return value
    return value
