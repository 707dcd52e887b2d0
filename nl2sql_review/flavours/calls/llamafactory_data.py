"""Data of a LLaMA-Factory configuration: its datasets, the text that a template makes of a row, its end and loss."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from ...interpret.core.datasets import Dataset
from ...training_plan.facts import Fact
from ...training_plan.values import Known, Place, Text, Unknown, Value
from ..reading import Level, Reading, Stated, column, eos, load, mixed, unset, words

DATASETS = "dataset_info.json"
CHATS = re.compile(r"instruct|chat|[-_]it\b", re.IGNORECASE)  # models that bring a template of their own
# The template "alpaca" (llamafactory/data/template.py).
ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n",
    "\n",
    "\n\n### Response:\n",
)
STRATEGIES = {
    "interleave_under": "first_exhausted",
    "interleave_over": "all_exhausted",
    "interleave_once": "all_exhausted_without_replacement",
}


def datasets(r: Reading, top: Level) -> Dataset | None:
    at = top.where("dataset")
    value = top.get("dataset")
    names = list(words(value.value)) if isinstance(value, Known) else []
    paths: list[tuple[Value, Place]] = [(Known(name, (at,)), at) for name in names]
    if isinstance(value, Unknown):
        paths = [(value, at)]
    parts = load(r, top.place, paths)
    strategy, probabilities = str(top.plain("mix_strategy") or "concat"), top.get("interleave_probs")
    r.data_made_before("LLaMA-Factory reads the columns mapped in dataset_info.json", described_by="dataset_info.json")
    if not strategy.startswith("interleave"):
        return mixed(r, parts, at)
    arguments: dict[str, Value] = {
        "seed": top.get("seed"),
        "stopping_strategy": Known(STRATEGIES.get(strategy, strategy), (top.where("mix_strategy"),)),
    }
    if isinstance(probabilities, Known) and not unset(probabilities):
        arguments["probabilities"] = weights(probabilities)
    elif isinstance(probabilities, Unknown):
        arguments["probabilities"] = probabilities
    return mixed(
        r,
        parts,
        top.where("interleave_probs") if "interleave_probs" in top else top.where("mix_strategy"),
        "datasets.interleave_datasets",
        **arguments,
    )


def weights(value: Known) -> Value:
    try:
        return Known(
            [float(word) for word in words(value.value if isinstance(value.value, (str, list)) else str(value.value))],
            value.trace,
        )
    except ValueError:
        return Unknown("interleave_probs is not a list of numbers", value.trace)


def foreign_template(top: Level, template: object, at: Place) -> Fact:
    """Return the fact for the template `empty`, without roles and end of turn, of a model that is served with both."""
    model = str(top.plain("model_name_or_path") or "")
    if template != "empty" or not CHATS.search(model):
        return Fact(Known([]), at=at)
    text = (
        f"template: empty adds no roles and no end token to the turns, but {model} is served with its own chat "
        f"template: remove the key, or set the template of the model's family"
    )
    case = Fact(Known(["empty"], (at,)), at=at, argument="template", sentence=text)
    return Fact(Known(["empty"]), at=at, cases=(case,))


def prompt(r: Reading, top: Level, data: Dataset | None, stage: str) -> None:
    at = top.where("template") if "template" in top else top.place
    if stage == "pt":
        r.made.text = Stated(objective="stage pt trains on plain text")
        return
    template = top.plain("template")
    r.made.facts["prompt.foreign_template"] = foreign_template(top, template, at)
    if template == "alpaca":
        question, second, answer = columns(r, top)
        holes = [column(data, name, at) for name in (question, second, answer)]
        parts = [part for pair in zip(ALPACA, holes) for part in pair]
        r.made.text = Stated("text", Text((*parts, eos(at)), (at,)), at=at)
    else:
        said = (
            f"the template {template} formats the rows as turns"
            if template
            else "the tokenizer's own template formats the rows as turns"
        )
        r.made.text = Stated("chat", why=f"{said}; their content is in the data", at=at)
    on_prompt = top.get("train_on_prompt")
    where = top.where("train_on_prompt")
    if isinstance(on_prompt, Unknown):
        r.state("prompt.loss_on", on_prompt)
    elif isinstance(on_prompt, Known) and on_prompt.value is True:
        r.state("prompt.loss_on", Known("all", (where,)), note="train_on_prompt: true")
    else:
        r.state("prompt.loss_on", Known("response", (where,)), note="by LLaMA-Factory, unless train_on_prompt is on")
    r.state("prompt.loss_by", Known("train_on_prompt", (where,)))
    own = template is None or r.keys.knows("templates", str(template))
    unknown = (
        f"LLaMA-Factory {r.keys.version} has no template {template}, and stops at it; a release that has one decides"
    )
    r.state(
        "prompt.ending",
        Known("eos", (at,)) if own else Unknown(unknown, (at,)),
        note=f"by the template {template}" if template else "by the tokenizer's template",
    )
    r.state("prompt.eos_from", Known("chat template", (at,)))
    r.beyond(
        "LLaMA-Factory masks by the turns of its template, not by a marker",
        "prompt.instruction_marker",
        "prompt.response_marker",
        "prompt.markers",
    )


def columns(r: Reading, top: Level) -> tuple[str, str, str]:
    """Return the columns of prompt, query and response, from the project's dataset_info.json."""
    first = next(words(top.plain("dataset")), "")
    folder = str(top.plain("dataset_dir") or "data")
    here = Path(os.path.dirname(os.path.abspath(r.source.path)))
    project = r.recording.project
    for root in dict.fromkeys((here, project.root or here)):
        data = project.read(root / folder / DATASETS)
        if data is None:
            continue
        try:
            said = json.loads(data).get(first, {}).get("columns", {})
            return (
                str(said.get("prompt", "instruction")),
                str(said.get("query", "input")),
                str(said.get("response", "output")),
            )
        except (ValueError, AttributeError):
            break
    return "instruction", "input", "output"
