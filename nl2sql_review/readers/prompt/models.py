"""What is known of the models themselves: what ends a sequence, what a turn, and whether a BOS token comes first.

`models.json` holds it, with a source for each; the first member whose names match counts. Base models and those that
were trained to chat are two members: their tokenizers are the same, and what stops them is not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ...files.typed_data import build

FILE = Path(__file__).with_name("models.json")


@dataclass(frozen=True)
class Member:
    """One kind of model. `names`: a pattern for the start of its name, without the owner.

    `eos` is what `tokenizer.eos_token` is; `stops` what ends generation, where that is more than `eos`. `puts_bos`: its
    tokenizer puts a BOS token before a text. The chat template that it brings, if any, ends each turn of the assistant
    with `turn_end`, starts with the BOS token (`template_bos`), and puts a line feed after the last turn (`line_feed`).
    `trl_templates`: the copies of it that TRL keeps, as the tables name them, one for each of the models; of none, ().
    """

    names: str
    model: str
    family: str
    chat: bool
    eos: str
    source: str
    stops: tuple[str, ...] = ()
    puts_bos: bool | None = None
    template: str = ""
    turn_end: str = ""
    template_bos: bool | None = None
    line_feed: bool = False
    trl_templates: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Template:
    """A template of `unsloth.chat_templates`; its `turn_end` is "eos" where it writes the tokenizer's own token.

    `maps_eos`: get_chat_template makes the turn's end the EOS token of the tokenizer.
    """

    turn_end: str
    maps_eos: bool = False
    starts_with_bos: bool = False
    line_feed: bool = False


@dataclass(frozen=True)
class Models:
    members: tuple[Member, ...] = ()
    templates: dict[str, Template] = field(default_factory=dict)


@lru_cache(maxsize=1)
def known() -> Models:
    """The whole file."""
    return build(Models, json.loads(FILE.read_text(encoding="utf-8")))


@lru_cache(maxsize=256)
def member(name: str | None) -> Member | None:
    """The kind of model that a name or path is of; None where its name does not say."""
    if not name:
        return None
    base = re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower().replace("_", "-")
    return next((one for one in known().members if re.match(one.names, base)), None)


def unsloth_template(name: str) -> Template | None:
    """The template that `get_chat_template` takes under this name."""
    return known().templates.get(name.lower())
