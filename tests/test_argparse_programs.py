"""Random parsers and command lines: what the interpreter says the namespace holds is what argparse puts there."""

from __future__ import annotations

import argparse
import contextlib
import io
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Known

from .claims import explain

TYPES = ["int", "float", "str", "bool", "lambda s: s.split(',')"]
DEFAULTS = ["1", "2.5", "'3'", "'0.5'", "''", "None", "True", "[1, 2]", "['a']", "'a,b'", "argparse.SUPPRESS"]
NUMBERS = ["1", "2.5", "'3'"]


@st.composite
def option(draw: Any, index: int) -> tuple[str, str, list[str]]:
    """(the words of `add_argument`, its destination, words that name it on a command line)."""
    dest = f"opt_{index}"
    positional = draw(st.integers(0, 5)) == 0
    flags = (
        [dest]
        if positional
        else draw(
            st.sampled_from(
                [
                    [f"--opt-{index}"],
                    [f"--opt_{index}", f"-{chr(97 + index)}"],
                    [f"-{chr(97 + index)}", f"--opt-{index}"],
                ]
            )
        )
    )
    parts = [repr(flag) for flag in flags]
    action = (
        draw(
            st.sampled_from(["store", "store", "store", "store_true", "store_false", "append", "count", "store_const"])
        )
        if not positional
        else "store"
    )
    nargs = draw(st.sampled_from([None, None, None, "?", "*", "+", 2])) if action in ("store", "append") else None
    if positional and nargs is None:
        nargs = draw(st.sampled_from([None, "?"]))
    if action != "store":
        parts.append(f"action={action!r}")
    if nargs is not None:
        parts.append(f"nargs={nargs!r}")
    kind = draw(st.sampled_from([None, *TYPES])) if action in ("store", "append") else None
    if kind is not None:
        parts.append(f"type={kind}")
    if action == "count":
        parts += draw(st.sampled_from([[], ["default=0"], ["default=2"]]))
    elif action == "append":
        parts += draw(st.sampled_from([[], ["default=['x']"], ["default=None"]]))
    elif draw(st.booleans()):
        parts.append("default=" + draw(st.sampled_from(NUMBERS if kind in ("int", "float") else DEFAULTS)))
    if action == "store_const":
        parts.append("const=7")
    elif nargs == "?" and not positional and draw(st.booleans()):
        parts.append("const='8'")
    if not positional and draw(st.integers(0, 6)) == 0:
        parts.append("required=True")
    count = {None: 1, "?": draw(st.integers(0, 1)), "*": draw(st.integers(0, 2)), "+": draw(st.integers(1, 2)), 2: 2}[
        nargs
    ]
    words = [
        draw(st.sampled_from(["1", "2", "0.5", "a"])) for _ in range(count if action in ("store", "append") else 0)
    ]
    if positional:
        return ", ".join(parts), dest, words
    flag = draw(st.sampled_from(flags))
    said = (
        [f"{flag}={words[0]}"] if len(words) == 1 and flag.startswith("--") and draw(st.booleans()) else [flag, *words]
    )
    return ", ".join(parts), dest, said


@st.composite
def program(draw: Any) -> tuple[str, list[str], list[str] | None]:
    options = [draw(option(i)) for i in range(draw(st.integers(1, 4)))]
    lines = ["import argparse", "from trl import show", "parser = argparse.ArgumentParser()"]
    lines += [f"parser.add_argument({text})" for text, _, _ in options]
    if draw(st.booleans()):
        dest = draw(st.sampled_from([dest for _, dest, _ in options]))
        lines.append(f"parser.set_defaults({dest}={draw(st.sampled_from(NUMBERS))}, other=1)")
    words: list[str] | None = None
    if draw(st.booleans()):
        words = [w for _, _, said in options for w in (said if draw(st.booleans()) else [])]
    lines.append(f"args = parser.parse_args({words!r})" if words is not None else "args = parser.parse_args()")
    dests = [*dict.fromkeys(dest for _, dest, _ in options), "other"]
    lines.append("show(" + ", ".join(f"{dest}=getattr(args, {dest!r}, 'nothing')" for dest in dests) + ")")
    return "\n".join(lines) + "\n", dests, words


def run(script: str) -> dict[str, Any] | None:
    """What a run without words passes; None when it stops before that."""
    got: dict[str, Any] = {}
    names = {"show": got.update, "__name__": "__main__"}
    body = script.replace("from trl import show\n", "").replace("parse_args()", "parse_args([])")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(body, "train.py", "exec"), names)
        except (SystemExit, ValueError, TypeError, AttributeError, argparse.ArgumentError):
            return None
    return got


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(program())
def test_claims_of_random_parsers_hold(made: tuple[str, list[str], list[str] | None]) -> None:
    script, dests, words = made
    passed = run(script)
    calls = interpret(Source.from_bytes(script.encode(), "train.py"), None).named("trl.show")
    if passed is None or not calls:
        return
    for dest in dests:
        value = calls[-1].arguments[dest]
        if isinstance(value, (Known, Default)):
            same = type(value.value) is type(passed[dest]) and value.value == passed[dest]
            assert same, f"{dest}: said {explain(value)}, passed {passed[dest]!r}\n{script}"
            assert words is not None or dest == "other" or isinstance(value, Default), (
                f"{dest}: the command line may override it\n{script}"
            )
        else:
            assert words is None or "lambda" in script or "count" in script, (
                f"{dest}: said {explain(value)}, passed {passed[dest]!r}\n{script}"
            )
