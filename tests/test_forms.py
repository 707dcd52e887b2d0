"""Every way to bind a value, one small script each: `tests/forms/<topic>/<form>.py`.

The first line says what the interpreter should make of `r` at each call of `get_peft_model`::

    # expect: known 64                     what really happens
    # expect: default 64                   what happens unless the command line or the environment says otherwise
    # expect: either 16 64                 branches that only the run decides
    # expect: unknown                      no value is claimed (a term says what decides, and claims none either)
    # expect: no call
    # expect: known 16; known 64           two calls, in order
    # expect: known 64 or unknown          the first is right, the second is honest

The rehearsal runs the same script to see that the expectation itself is true.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from .claims import describe, explain
from .rehearsal import encode, perform

OPEN = {"unknown", "term", "text", "object", "absent"}
FORMS = Path(__file__).parent / "forms"


def scripts() -> list[Path]:
    return [path for path in sorted(FORMS.rglob("*.py")) if path.read_text(encoding="utf-8").startswith("# expect: ")]


def root_of(path: Path) -> Path | None:
    """The project of a form: its own folder under the topic, None if it is a script alone."""
    topic, *rest = path.relative_to(FORMS).parts
    return FORMS / topic / rest[0] if len(rest) > 1 else None


def alternatives(path: Path) -> list[list[str]]:
    """What may be said, as `describe` writes it: for each alternative the claims of the calls in order."""
    line = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# expect: ")
    return [
        [] if text.strip() == "no call" else [_claim(claim) for claim in text.split(";")] for text in line.split(" or ")
    ]


def _claim(text: str) -> str:
    kind, _, value = text.strip().partition(" ")
    if kind == "either":
        return " ".join([kind, *sorted(repr(ast.literal_eval(word)) for word in value.split())])
    return f"{kind} {ast.literal_eval(value)!r}" if value else kind


def ranks(path: Path, variant: str) -> list:
    calls = perform(path, root_of(path), variant).calls
    return [call.arguments.get("r") for call in calls if call.callee.endswith("FastLanguageModel.get_peft_model")]


def holds(claim: str, plain: list, other: list) -> bool:
    """Whether a claim about one call is true of what the two runs passed there (an empty list: not reached)."""
    kind, _, text = claim.partition(" ")
    if kind == "known":
        return all(_same(text, value) for value in [*plain, *other])
    if kind == "default":
        return all(_same(text, value) for value in plain)
    if kind == "either":
        return all(any(_same(word, value) for word in text.split()) for value in [*plain, *other])
    return True


def _same(text: str, recorded: object) -> bool:
    value = encode(ast.literal_eval(text))
    return type(value) is type(recorded) and value == recorded


def matches(said: list[str], claims: list[str]) -> bool:
    return len(said) == len(claims) and all(s == c or (c == "unknown" and is_open(s)) for s, c in zip(said, claims))


def is_open(said: str) -> bool:
    """Whether a description claims no value at all, or leaves one branch without."""
    kind, _, options = said.partition(" ")
    return kind in OPEN or (kind == "either" and any(option in OPEN for option in options.split()))


def name_of(path: Path) -> str:
    return path.relative_to(FORMS).with_suffix("").as_posix()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")
@pytest.mark.parametrize("path", scripts(), ids=name_of)
def test_the_expectation_is_true(path: Path) -> None:
    plain, other = ranks(path, "a"), ranks(path, "b")
    for claims in alternatives(path):
        if len(claims) < len(plain) or (not plain and claims and "no call" not in path.read_text(encoding="utf-8")):
            pytest.fail(
                f"{len(claims)} calls expected, the run made {len(plain)}: {perform(path, root_of(path)).error}"
            )
        there = other if len(other) == len(plain) else []  # another machine may take another path
        for index, claim in enumerate(claims):
            assert holds(claim, plain[index : index + 1], there[index : index + 1]), (
                f"{claim}: the runs passed {plain}, {other}"
            )


@pytest.mark.parametrize("path", scripts(), ids=name_of)
def test_the_interpreter_says_so(path: Path) -> None:
    from nl2sql_review.interpret.interpret import interpret
    from nl2sql_review.source import Source

    recording = interpret(Source.from_bytes(path.read_bytes(), str(path)), root_of(path) or path.parent)
    values = [call.get("r") for call in recording.named("FastLanguageModel.get_peft_model")]
    said = [describe(value) for value in values]
    assert any(matches(said, claims) for claims in alternatives(path)), f"said {[explain(value) for value in values]}"
