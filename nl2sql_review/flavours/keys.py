"""Keys of each flavour, from `keys/*.json`: their names in the released library, their types and their defaults.

`build.py` makes the files from the libraries' sources. The *effect* of a key is described in the file of its
flavour.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Collection

from ..files.typed_data import Suggestions

FOLDER = Path(__file__).with_name("keys")
REQUIRED, NO_LITERAL = "", "…"

# What the flavours call the same setting.
SAME = (
    ("base_model", "model_name_or_path", "model_name", "model"),
    ("lora_r", "lora_rank", "rank", "r"),
    ("lora_alpha", "alpha"),
    ("lora_target_modules", "lora_target", "target_modules"),
    ("lora_dropout", "dropout"),
    ("micro_batch_size", "per_device_train_batch_size", "batch_size"),
    ("gradient_accumulation_steps", "grad_accum", "gradient_accumulation", "accumulation_steps"),
    ("sequence_len", "cutoff_len", "max_length", "max_seq_length"),
    ("num_epochs", "num_train_epochs", "epochs"),
    ("learning_rate", "lr"),
    ("lr_scheduler", "lr_scheduler_type", "scheduler"),
    ("optimizer", "optim"),
    ("seed", "random_seed"),
    ("load_in_4bit", "quantization_bit"),
    ("use_wandb", "enable_wandb", "report_to"),
    ("train_on_inputs", "train_on_prompt", "train_on_completions", "completion_only_loss"),
    ("sample_packing", "packing"),
)
CLOSE = 0.88  # how alike two keys must be for one to be a slip of the other

_BOOL = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_NUMBER = {"int": "an integer", "float": "a number"}


@dataclass(frozen=True)
class Keys:
    """Keys of one flavour: `sections[""]` has those of the top level, `sections["datasets"]` those of a dataset."""

    flavour: str
    library: str
    version: str
    requires: dict[str, str]
    sections: dict[str, dict[str, tuple[str, str]]]
    gone: dict[str, str]  # key that older releases had, in whichever section -> the release that lacks it

    def knows(self, section: str, key: str) -> bool:
        return key in self.sections[section]

    def default(self, section: str, key: str) -> Any:
        """Return the default as a plain value. Raises KeyError if it is not a literal."""
        text = self.sections[section][key][1]
        if text in (REQUIRED, NO_LITERAL):
            raise KeyError(key)
        from ..source.literals import literal  # which reads code: only a configuration that leaves keys out needs it

        return literal(text)

    def type_of(self, section: str, key: str) -> str:
        """Return the declared type of a key as text, or "" for an unknown key."""
        return self.sections.get(section, {}).get(key, ("", ""))[0]


@lru_cache(maxsize=8)
def of(flavour: str) -> Keys:
    data = json.loads((FOLDER / f"{flavour}.json").read_text(encoding="utf-8"))
    sections = {name: {k: (v[0], v[1]) for k, v in keys.items()} for name, keys in data["sections"].items()}
    return Keys(flavour, data["library"], data["version"], data["requires"], sections, data.get("gone", {}))


def hint(key: str, known: Collection[str], suggestions: Suggestions) -> str:
    """Return `; did you mean "lora_r"?`: this flavour's name for the same setting, else a key with similar spelling."""
    from difflib import get_close_matches

    meant = [name for names in SAME if key in names for name in names if name in known]
    if not meant and not suggestions.spend():
        return ""
    plain = {name.replace("_", "").lower(): name for name in known}
    close = get_close_matches(key.replace("_", "").replace("-", "").lower(), plain, n=1, cutoff=CLOSE)
    found = meant[0] if meant else plain[close[0]] if close else ""
    return f'; did you mean "{found}"?' if found else ""


# -- what a parser makes of a value -------------------------------------------------------------------------------


class Refused(ValueError):
    """Raised if the parser does not accept a value; the message names what it expects."""


def parsed(value: object, kind: str, parser: str) -> Any:
    """Return the value as the flavour's parser passes it on, given the key's type as written. Raises Refused.

    "pydantic" converts between text, numbers and switches if nothing is lost; "argparse" (HfArgumentParser with
    defaults from a file) converts only text; "none" passes on the value of the file.
    """
    kinds, opaque = _members(kind)
    if value is None or not kinds or opaque:
        if value is None and kinds and "None" not in kinds and parser == "pydantic" and not opaque:
            raise Refused(f"null is not {_wanted(kinds)}")
        return value
    convert = {"pydantic": _pydantic, "argparse": _argparse, "none": _handed_on}[parser]
    for kind in kinds:
        if _is(value, kind):
            return value
    failed = None
    for kind in kinds:
        try:
            return convert(value, kind)
        except Refused as error:
            failed = failed or error
    raise Refused(f"{_shown(value)} is not {_wanted(kinds)}") from failed


@cache
def _members(kind: str) -> tuple[list[str], bool]:
    """Return the members of a type as the library writes it, and whether one of them is not judged here.

    Kept for each type: a configuration may list thousands of datasets, each with the same keys.
    """
    kinds = [member for member in _split(kind) if member]
    return kinds, any(map(_opaque, kinds))


def _split(kind: str) -> list[str]:
    """Return the members of `int | float | None` and `Optional[int]`."""
    kind = kind.strip()
    for name in ("Optional", "Union", "typing.Optional", "typing.Union"):
        if kind.startswith(name + "[") and kind.endswith("]"):
            inner = [m for part in _commas(kind[len(name) + 1 : -1]) for m in _split(part)]
            return [*inner, "None"] if name.endswith("Optional") else inner
    return [part.strip().strip("()") for part in _commas(kind, "|")]


def _commas(text: str, mark: str = ",") -> list[str]:
    parts, depth, begin = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "[(") - (char in "])")
        if char == mark and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]


def _opaque(kind: str) -> bool:
    """Return whether values of a type are not judged here: a class of the library, Any, a mapping."""
    return re.fullmatch(r"int|float|bool|str|None|(?:list|List)\[.*\]|list|Literal\[.*\]|Path", kind, re.DOTALL) is None


def _literals(kind: str) -> list[object]:
    from ..source.literals import literal

    return [literal(one) for one in _commas(kind[len("Literal[") : -1]) if one.strip()]


def _is(value: object, kind: str) -> bool:
    if kind.startswith("Literal["):
        return any(value is one or type(value) is type(one) and value == one for one in _literals(kind))
    if kind.startswith(("list", "List")):
        return isinstance(value, list)
    of = {"int": int, "float": float, "bool": bool, "str": str, "Path": str}.get(kind)
    return of is not None and type(value) is of


def one_of(value: object, kind: str) -> bool:
    """Return whether a value is one of those that a type lists; True for a type that lists none."""
    return not kind.startswith("Literal[") or _is(value, kind)


def _pydantic(value: object, kind: str) -> Any:
    if kind == "int":
        if isinstance(value, (bool, int)):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*", value):
            return int(float(value.replace("_", "")))
    elif kind == "float":
        if isinstance(value, (bool, int, float)):
            return float(value)
        if isinstance(value, str):
            return _float(value)
    elif kind == "bool":
        if isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value.lower() in _BOOL:
            return _BOOL[value.lower()]
    raise Refused


def _argparse(value: object, kind: str) -> Any:
    if not isinstance(value, str):
        return value  # only text goes through the option's type
    if kind == "int":
        if re.fullmatch(r"\s*[+-]?\d+(?:_\d+)*\s*", value):
            return int(value)
    elif kind == "float":
        return _float(value)
    elif kind == "bool":
        if value.lower() in _BOOL and value.lower() not in ("on", "off"):
            return _BOOL[value.lower()]
    elif kind.startswith(("list", "List")):
        return value
    elif kind.startswith("Literal["):
        for one in _literals(kind):
            if str(one) == value:
                return one
    raise Refused


def _handed_on(value: object, kind: str) -> Any:
    """Return the value unconverted; raise Refused for a text where a number or a switch is expected."""
    if kind in ("int", "float") and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if kind in ("int", "float", "bool") and isinstance(value, str):
        raise Refused
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refused from None


def _wanted(kinds: list[str]) -> str:
    said = []
    for kind in kinds:
        if kind in _NUMBER:
            said.append(_NUMBER[kind])
        elif kind == "bool":
            said.append("true or false")
        elif kind in ("str", "Path"):
            said.append("a text")
        elif kind.startswith(("list", "List")):
            said.append("a list")
        elif kind.startswith("Literal["):
            said.append(
                " or ".join(f'"{one}"' if isinstance(one, str) else str(one).lower() for one in _literals(kind))
            )
    return " or ".join(dict.fromkeys(said))


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else str(value)
