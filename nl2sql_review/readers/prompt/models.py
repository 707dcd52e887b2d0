"""Facts about the models themselves: what ends a sequence, what ends a turn, and whether a BOS token comes first.

`models.json` holds them, with a source for each; the first member whose names match counts. Base models and
chat models are two members: their tokenizers are the same, but the tokens at which they stop are not.
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

    `eos` is the value of `tokenizer.eos_token`; `stops` are the tokens that end generation, if there are more
    than `eos`. `pad` is the padding token, if the tokenizer is published with one. `puts_bos`: its tokenizer puts
    a BOS token before a text. The chat template that it has, if any, ends the last turn of the assistant with
    `turn_end`, after the end of every turn if that is another token (`before_eos`), starts with the BOS token
    (`template_bos`), and puts a line feed after the last turn (`line_feed`). `trl_templates`: TRL's copies of it, as
    the tables name them, one for each of the models; () if there are none.
    """

    names: str
    model: str
    family: str
    chat: bool
    eos: str
    source: str
    stops: tuple[str, ...] = ()
    pad: str = ""
    puts_bos: bool | None = None
    template: str = ""
    turn_end: str = ""
    before_eos: str = ""
    template_bos: bool | None = None
    line_feed: bool = False
    trl_templates: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Template:
    """A template of `unsloth.chat_templates`; `turn_end` is "eos" if it writes the tokenizer's own token.

    `maps_eos`: get_chat_template makes the end of a turn the EOS token of the tokenizer.
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
    """Return the contents of the whole file."""
    return build(Models, json.loads(FILE.read_text(encoding="utf-8")))


@lru_cache(maxsize=256)
def member(name: str | None) -> Member | None:
    """Return the kind of model of a name or path, or None if its name does not identify one."""
    if not name:
        return None
    base = re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower().replace("_", "-")
    return next((one for one in known().members if re.match(one.names, base)), None)


def unsloth_template(name: str) -> Template | None:
    """Return the template that `get_chat_template` uses under this name."""
    return known().templates.get(name.lower())
