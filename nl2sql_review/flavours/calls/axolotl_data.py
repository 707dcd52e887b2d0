"""Data of an Axolotl configuration: its datasets, the text that their types make of a row, its end and its loss."""

from __future__ import annotations

import re
from dataclasses import replace

from ...interpret.core.datasets import Dataset
from ...training_plan.values import Absent, Known, Place, Text, Unknown, Value
from ..reading import Level, Reading, Stated, column, eos, load, mixed, unset, words

# The template of `type: alpaca` (axolotl/prompters.py, AlpacaPrompter, style "instruct").
ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n",
    "\n\n### Input:\n",
    "\n\n### Response:\n",
)
CHATS = ("chat_template", "sharegpt", "chat_template.default", "messages")
# Types whose rows are a prompt and an answer, of which train_on_inputs masks the prompt; "alpaca_chat.load_qa" is one.
ANSWERED = re.compile(
    r"(alpaca\w*|context_qa|creative_acr|metharme|orcamini|pygmalion|llama2_chat|explainchoice|concisechoice"
    r"|summarizetldr|jeopardy|oasst|gpteacher|reflection|sharegpt|chat_template|messages)([.:].*)?"
)


def datasets(r: Reading, top: Level) -> Dataset | None:
    listed = top.listed("datasets", "datasets")
    names = []
    for one in listed:
        files = one.get("data_files")
        path = (
            files
            if not unset(files) and one.plain("path") in (None, "json", "csv", "parquet", "text")
            else one.get("path")
        )
        names.append((path, one.where("path")))
    data = mixed(r, load(r, top.place, names), top.where("datasets"))
    r.data_made_before("Axolotl reads the columns according to the type of each dataset")
    return data


def prompt(r: Reading, top: Level, data: Dataset | None) -> None:
    listed = top.listed("datasets", "datasets")
    if "pretraining_dataset" in top:
        r.made.text = Stated(objective="pretraining_dataset trains on plain text")
        return
    if not listed:
        r.made.text = Stated(why="the configuration names no dataset", at=top.place)
        return
    first = listed[0]
    kinds = {str(one.plain("type")) for one in listed}
    at = first.where("type")
    text = text_of(first, data, at)
    if len(kinds) > 1:
        text = Stated(why="the datasets have several types", at=at)
    r.made.text = text
    loss(r, top, listed)
    ending(r, top, listed)
    r.beyond(
        "Axolotl finds the answer by the dataset's type, not by a marker",
        "prompt.instruction_marker",
        "prompt.response_marker",
        "prompt.markers",
    )


def text_of(one: Level, data: Dataset | None, at: Place) -> Stated:
    kind = one.plain("type")
    if isinstance(kind, dict):
        return user_defined(one.section_at("type", "datasets.type"), data, at)
    if kind == "alpaca":
        holes = [column(data, name, at) for name in ("instruction", "input", "output")]
        parts = [part for pair in zip(ALPACA, holes) for part in pair]
        return Stated("text", Text((*parts, eos(at)), (at,)), at=at)
    if kind in CHATS:
        return Stated("chat", why="the content of the messages is in the data, not in the configuration", at=at)
    if kind is None:
        return Stated(why="the dataset has no type, so its rows are taken as tokens", at=at)
    return Stated(why=f"it is unknown how the type {kind} formats a row", at=at)


def user_defined(level: Level, data: Dataset | None, at: Place) -> Stated:
    """Return the training text of a `type:` with its own format and fields."""
    names = {name: level.plain(f"field_{name}") or name for name in ("instruction", "input", "output", "system")}
    form = level.plain("format") or "{instruction} {input} "
    system = level.plain("system_prompt")
    parts: list[str | Value] = []
    if isinstance(system, str) and system:
        parts.append(str(level.plain("system_format") or "{system}").replace("{system}", system))
    for piece in re.split(r"(\{(?:instruction|input|system)\})", str(form)):
        hole = piece[1:-1] if piece.startswith("{") and piece.endswith("}") else ""
        parts.append(column(data, str(names[hole]), at) if hole in names else piece)
    return Stated(
        "text", Text((*(part for part in parts if part), column(data, str(names["output"]), at), eos(at)), (at,)), at=at
    )


def loss(r: Reading, top: Level, listed: list[Level]) -> None:
    on_inputs = top.plain("train_on_inputs") is True
    at = top.where("train_on_inputs") if "train_on_inputs" in top else top.place
    marked = next((one for one in listed if in_the_data(one.plain("type"))), None)
    plain_text = next((one for one in listed if one.plain("type") in ("completion", "pretrain")), None)
    roles = next(
        (one for one in listed if set(words(one.plain("roles_to_train"))) - {"assistant", "gpt", "model"}), None
    )
    other = next((one for one in listed if not is_answered(one.plain("type"))), None)
    if on_inputs:
        on, note = Known("all", (at,)), "train_on_inputs: true"
    elif marked is not None:
        why = "rows of this type bring their own labels, or mark the parts that are trained: the data decides"
        r.state("prompt.loss_on", Unknown(why, (marked.where("type") if "type" in marked else marked.place,)))
        return
    elif plain_text is not None:
        on, note = (
            Known("all", (plain_text.where("type"),)),
            f"type: {plain_text.plain('type')} trains on the whole text",
        )
    elif other is not None:
        why = f"it is unknown which tokens the type {other.plain('type')} trains"
        r.state("prompt.loss_on", Unknown(why, (other.where("type"),)))
        return
    elif roles is not None:
        on, note = (
            Known("all", (roles.where("roles_to_train"),)),
            f"roles_to_train: {', '.join(words(roles.plain('roles_to_train')))}",
        )
    else:
        on, note = (
            Known("response", (at,)),
            "by train_on_inputs: false" + ("" if "train_on_inputs" in top else ", Axolotl's default"),
        )
    r.state("prompt.loss_on", on, note=note)
    r.state("prompt.loss_by", Known("train_on_inputs", (at,)))


def is_answered(kind: object) -> bool:
    """Return whether a type is known to consist of a prompt and an answer."""
    return isinstance(kind, dict) or isinstance(kind, str) and ANSWERED.fullmatch(kind) is not None


def in_the_data(kind: object) -> bool:
    """Return whether the rows of a type define what is trained: tokens with labels, or segments marked as trained."""
    return kind in (None, "", "input_output")


def ending(r: Reading, top: Level, listed: list[Level]) -> None:
    none = next((one for one in listed if one.plain("train_on_eos") == "none"), None)
    if none is not None:
        note = "train_on_eos: none masks the EOS token"
        r.state("prompt.ending", Known("none", (none.where("train_on_eos"),)), note=note)
        return
    kinds = [one.plain("type") for one in listed]
    if all(k in CHATS for k in kinds):  # the template decides, which the reader knows
        turn_ends(r, top)
        return
    if all(isinstance(k, dict) or k in (*CHATS, "completion") or str(k).startswith("alpaca") for k in kinds):
        r.state("prompt.ending", Known("eos", (listed[0].where("type"),)), note="by Axolotl")
        r.state("prompt.eos_from", Known("Axolotl", (listed[0].where("type"),)))


def turn_ends(r: Reading, top: Level) -> None:
    """Set the end-of-turn tokens that Axolotl trains on: those in `eot_tokens`, else only the EOS token."""
    template = top.get("chat_template")
    if isinstance(template, Known) and template.value in (None, "tokenizer_default"):
        template = Absent()  # the model's own
    eos = top.section_at("special_tokens").plain("eos_token") if "special_tokens" in top else None
    r.made.text = replace(
        r.made.text,
        template=template,
        trained_ends=tuple(words(top.plain("eot_tokens"))) if "eot_tokens" in top else (),
        eos=eos if isinstance(eos, str) else "",
        at=top.where("chat_template") if "chat_template" in top else r.made.text.at,
    )
