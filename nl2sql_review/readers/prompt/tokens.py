"""Texts behind token ids: the result of `tokenizer(…)`, sums, slices and hand-made padding."""

from __future__ import annotations

from typing import Any, Iterable

from ...interpret.core.operations import COUNTED
from ...training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value, join, traced
from ..dataset.columns import argument, method_of, receiver
from ..derive import contents
from ..run import Run
from .turns import last_turn

TOKENIZERS = ("encode", "encode_plus", "__call__", "batch_encode_plus")
# What gives the ids on as they are: copies, and lists made of tensors.
COPIES = ("copy", "tolist", "squeeze", "list", "deepcopy", "tensor", "array", "flatten", "to", "clone")
WHEN_MISSING = ("eos", "len(", "cutoff", "max_")  # of a condition: the id is added where it is not there yet, or fits


def tokenised_text(value: object, depth: int = 0) -> tuple[Value | None, Term | None]:
    """Return the text inside `tokenizer(text, …)["input_ids"]`, and the tokenizer's call."""
    if isinstance(value, Unknown) and (ending := last_turn(value)):
        return text_of_turn(ending, depth)
    if isinstance(value, Unknown):
        value = concatenation(value)
    if isinstance(value, Either) and depth <= 8:
        found = [tokenised_text(option, depth + 1) for option in value.options]
        texts = [text for text, _ in found if text is not None]
        return (joined(texts), found[0][1]) if len(texts) == len(found) else (None, None)
    if depth > 8 or not isinstance(value, Term):
        return None, None
    if value.operation == "call":
        name = method_of(value)
        if name == "apply_chat_template":
            return value, value
        if name in TOKENIZERS or "okenizer" in name or name == "processor":
            text = argument(value, 0, "text", "batch_text_or_text_pairs")
            return (None, None) if isinstance(text, Absent) else (cell(text), value)
    if value.operation in ("slice", "item") and ends_early(value):
        return None, None
    parts = [arg for arg in value.args if not is_padding(arg)]
    if value.operation in ("slice", "item", "attribute"):
        parts = parts[:1]
    found = [pair for pair in (tokenised_text(arg, depth + 1) for arg in parts) if pair[0] is not None]
    if not found:
        return None, None
    if value.operation == "op":  # tokens of the prompt + tokens of the answer
        return Text(tuple(part for text, _ in found if text is not None for part in flat(text))), found[-1][1]
    return found[0]


def text_of_turn(ending: list[Value], depth: int) -> tuple[Value | None, Term | None]:
    """Return the text of a row's tokens that a loop adds turn by turn, up to the end of the assistant's turn."""
    lists = [added(element) for element in ending]
    found = [tokenised_text(one, depth + 1) for one in lists]
    if any(text is None and isinstance(one, Term) for one, (text, _) in zip(lists, found)):
        return None, None
    parts = tuple(part for text, _ in found if text is not None for part in flat(text))
    return (Text(parts), [call for _, call in found if call is not None][-1]) if parts else (None, None)


def concatenation(value: Value) -> Value:
    """Return a list that `ids += …` lengthens step by step as the sum of what is added; any other value unchanged."""
    if not isinstance(value, Unknown) or not value.why.startswith(COUNTED) or not isinstance(value.parts, list):
        return value
    lists = [added(part) for part in value.parts]
    if not lists or isinstance(lists[0], Unknown) or not any(isinstance(one, Term) for one in lists):
        return value
    whole = lists[0]
    for one in lists[1:]:
        whole = Term(f"{words(whole)} + {words(one)}", "op", (whole, one), value.trace)
    return traced(whole, value.trace)


def added(element: Value) -> Value:
    """Return the list that an element stands for: that of its every element, `ids[i]`, or itself alone."""
    if isinstance(element, Term) and element.operation == "item":
        owner, key = element.args
        if isinstance(key, Term) and key.text == "i":
            return owner
    if isinstance(element, (Known, Default)):
        return Known([element.value], element.trace)
    return Unknown("a list of one element", element.trace, [element])


def words(value: Value) -> str:
    return value.text if isinstance(value, Term) else repr(contents(value))[:60]


def ends_early(ids: Term) -> bool:
    """Return whether a slice is like `ids[:-1]` or `ids[:, :-1]`, without the last tokens."""
    if ids.operation == "item":
        axes = contents(ids.args[1]) if len(ids.args) > 1 else None
        last = axes[-1] if isinstance(axes, tuple) and axes else None
        return isinstance(last, list) and len(last) == 3 and isinstance(last[1], int) and last[1] < 0
    stop = ids.args[2] if len(ids.args) > 2 else None
    return isinstance(stop, (Known, Default)) and isinstance(stop.value, int) and stop.value < 0


def joined_calls(ids: object, depth: int = 0) -> list[Term]:
    """Return the tokenizer calls whose ids are joined to one row, as in `prompt_ids + answer_ids`."""
    ids = cell(ids) if isinstance(ids, Value) else ids
    if depth > 8 or not isinstance(ids, Term):
        return []
    if ids.operation == "call" and (method_of(ids) in TOKENIZERS or "okenizer" in method_of(ids)):
        return [ids]
    parts = ids.args if ids.operation == "op" else ids.args[:1]
    found = [call for part in parts if not is_padding(part) for call in joined_calls(part, depth + 1)]
    return list({call.text: call for call in found}.values())


def is_padding(value: object) -> bool:
    """Return whether a value is like `[tokenizer.pad_token_id] * gap`: one id, repeated."""
    if not isinstance(value, Term) or value.operation != "op":
        return False
    # of `([pad] * gap) + ids` the whole is none, and its first part is
    return value.text.startswith("[") and "] * " in value.text and not isinstance(value.args[0], Term)


def last_ids(value: object, depth: int = 0) -> list[Any] | None:
    """Return what the last of some token ids, apart from padding, may be; None if the text's own token is last."""
    if depth > 8:
        return None
    if isinstance(value, Either):
        found = [last_ids(option, depth + 1) for option in value.options]
        return None if any(one is None for one in found) else [last for one in found if one for last in one]
    if ending := last_turn(value) if isinstance(value, Unknown) else []:
        return last_ids(added(ending[-1]), depth + 1)
    if isinstance(value, Unknown) and isinstance(value.parts, (list, tuple)):
        return [value.parts[-1]] if value.parts else None
    if isinstance(value, (Known, Default)) and isinstance(value.value, (list, tuple)):
        return [value.value[-1]] if value.value else None
    if not isinstance(value, Term):
        return None
    if value.operation == "slice":
        return last_ids(value.args[0], depth + 1) if value.args else None
    if value.operation == "call" and method_of(value) in COPIES:
        inner = receiver(value)
        return last_ids(argument(value, 0) if isinstance(inner, Absent) else inner, depth + 1)
    if value.operation == "op" and not is_padding(value):
        parts = [arg for arg in value.args if not is_padding(arg)]
        return last_ids(parts[-1], depth + 1) if parts else None
    return None


def is_eos_id(value: object) -> bool:
    return isinstance(value, Term) and value.text.endswith(".eos_token_id")


def is_eos_in(run: Run, value: object) -> bool:
    """Return whether an id is that of the EOS token, also where the script gives it to the tokenizer as a number."""
    if is_eos_id(value):
        return True
    number = value.value if isinstance(value, (Known, Default)) else value
    if not isinstance(number, int) or isinstance(number, bool):
        return False
    writes = [c for c in run.calls if c.callee.endswith("Tokenizer.eos_token_id=") and run.before_training(c)]
    given = next(iter(writes[-1].arguments.values()), Absent()) if writes else Absent()
    return isinstance(given, (Known, Default)) and given.value == number


def is_pad_id(value: object) -> bool:
    return isinstance(value, Term) and value.text.endswith(".pad_token_id")


def appended_later(run: Run, ids: Value) -> bool:
    """Return whether the id is appended to the list itself: `out["input_ids"].append(tokenizer.eos_token_id)`."""
    if isinstance(ids, Either):
        return all(appended_later(run, option) for option in ids.options)
    if not isinstance(ids, Term):
        return False
    if ids.operation == "call" and method_of(ids) in COPIES:
        return appended_later(run, receiver(ids))
    for call in run.calls:
        owner, _, method = call.callee.rpartition(".")
        if method not in ("append", "extend") or owner != ids.text:
            continue
        given: Any = call.get("$0")
        listed = contents(given)
        given = listed[-1] if isinstance(listed, (list, tuple)) and listed else given
        if is_eos_in(run, given) and (not call.conditional or any(word in call.condition for word in WHEN_MISSING)):
            return True
    return False


def flat(value: Value) -> tuple[Any, ...]:
    """Return the parts of a text."""
    if isinstance(value, Text):
        return value.parts
    if isinstance(value, (Known, Default)) and isinstance(value.value, str):
        return (value.value,)
    return (value,)


def cell(value: Value) -> Value:
    """Return one possible value of the list of a batch, joined over its elements."""
    while (
        isinstance(value, Unknown) and isinstance(value.parts, (list, tuple)) and value.parts and "a batch" in value.why
    ):
        value = joined(value.parts)
    return value


def joined(values: Iterable[Value]) -> Value:
    """Return the join of all values, or Absent if there are none."""
    result: Value | None = None
    for value in values:
        result = value if result is None else join(result, value)
    return result if result is not None else Absent()
