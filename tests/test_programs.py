"""Random programs: what the interpreter claims of them must be what running them does.

A deterministic set of programs by default; `NL2SQL_REVIEW_PROGRAMS=20000 pytest tests/test_programs.py` goes deeper,
with other programs every time.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import os
import sys
import types
from pathlib import Path
from typing import Callable
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source

from .claims import admits, contradictions, explain, site
from .grammar import programs
from .rehearsal import Recorded, Rehearsal, encode

DEEP = int(os.environ.get("NL2SQL_REVIEW_PROGRAMS", "0"))
HERE = Path("/nowhere")
FILE = str(HERE / "program.py")


def run(program: str, variant: str) -> Rehearsal:
    """Rehearse a program in this process."""
    calls: list[Recorded] = []

    class FastLanguageModel:
        @staticmethod
        def get_peft_model(model: object, r: object) -> None:
            row = sys._getframe(1).f_lineno
            calls.append(
                Recorded(
                    "unsloth.FastLanguageModel.get_peft_model", "program.py", None, row, {"model": None, "r": encode(r)}
                )
            )

    def supported() -> bool:
        calls.append(Recorded("unsloth.is_bfloat16_supported", "program.py", None, sys._getframe(1).f_lineno, {}))
        return variant == "a"

    unsloth = types.ModuleType("unsloth")
    unsloth.FastLanguageModel = FastLanguageModel
    unsloth.is_bfloat16_supported = supported
    words = ["program.py"] if variant == "a" else ["program.py", "--n", "2"]
    environment = {} if variant == "a" else {"RANK": "8"}
    space = {"__name__": "__main__", "__builtins__": builtins}
    with (
        mock.patch.dict(sys.modules, unsloth=unsloth),
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, environment),
    ):
        traced = sys.gettrace()
        try:
            sys.settrace(Bounded().step)
            with contextlib.redirect_stderr(io.StringIO()):
                exec(compile(program, FILE, "exec", dont_inherit=True), space)
        except (Exception, SystemExit, Endless) as error:
            return Rehearsal(calls, type(error).__name__)
        finally:
            sys.settrace(traced)
    return Rehearsal(calls)


class Endless(BaseException):
    """Not an Exception: the program must not catch it."""


class Bounded:
    """Ends a program after some steps: one that was made smaller may have lost what ended its loop."""

    def __init__(self, steps: int = 100_000) -> None:
        self.steps = steps

    def step(self, frame: object, event: str, argument: object) -> Callable:
        self.steps -= 1
        if self.steps < 0:
            raise Endless
        return self.step


def refutations(program: str) -> list[str]:
    """Every claim about a program that running it refutes, and every call that the interpreter overlooked."""
    recording = interpret(Source.from_bytes(program.encode(), FILE), None)
    found: list[str] = []
    for variant in "ab":
        rehearsal = run(program, variant)
        found += [f"{variant}: {line}" for line in contradictions(recording, rehearsal, HERE, plain=variant == "a")]
        if recording.exhausted:
            continue
        claims: dict[int, list] = {}
        for call in recording.calls:
            claims.setdefault(site(call, HERE)[2], []).append(call.get("r"))
        for call in rehearsal.calls:
            given, here = call.arguments.get("r"), claims.get(call.row, [])
            if variant == "a" and not any(admits(value, given) for value in here):
                found.append(
                    f"{variant}: line {call.row} passed {given!r}, claimed {[explain(value) for value in here]}"
                )
    return found


def reduced(program: str) -> str:
    """The program without the statements that its refutation can do without: what a person wants to read."""
    shorter, error = True, run(program, "a").error
    while shorter:
        shorter = False
        place = 0
        while True:
            tree = ast.parse(program)
            spots = [
                (node, field)
                for node in ast.walk(tree)
                for field in ("body", "orelse", "finalbody", "handlers", "cases")
                if isinstance(getattr(node, field, None), list)
            ]
            lines = [
                (getattr(node, field), index) for node, field in spots for index in range(len(getattr(node, field)))
            ]
            if place >= len(lines):
                break
            statements, index = lines[place]
            inner = getattr(statements[index], "body", None)
            for instead in ([], inner if isinstance(inner, list) else [ast.Pass()]):
                before = list(statements)
                statements[index : index + 1] = instead or ([] if len(before) > 1 else [ast.Pass()])
                if ast.dump(tree) != ast.dump(ast.parse(program)) and refuted(tree, error):
                    program, shorter = ast.unparse(ast.fix_missing_locations(tree)), True
                    break
                statements[:] = before
            else:
                place += 1
    return program


def refuted(tree: ast.Module, error: str) -> bool:
    """Whether a tree is still a program that ends as the whole one did, and is still refuted."""
    try:
        program = ast.unparse(ast.fix_missing_locations(tree))
        compile(program, FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, AttributeError, IndexError):
        return False
    return run(program, "a").error == error and bool(refutations(program))


@settings(
    max_examples=DEEP or 200,
    derandomize=not DEEP,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a failure is made small by `reduced`, which knows what a program is
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(programs)
def test_what_is_claimed_of_a_program_is_what_it_does(program: str) -> None:
    if refutations(program):
        small = reduced(program)
        pytest.fail("\n".join([small, "", *refutations(small)]), pytrace=False)
