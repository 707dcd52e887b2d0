"""Ways through a tree: what is passed by, what belongs together, in which order."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from nl2sql_review.source import Source
from nl2sql_review.source.syntax import Argument, arguments_of, below, dotted, parameters_of, statements, text_of, walk

SCRIPTS = sorted(Path(__file__).parents[1].joinpath("fixtures").rglob("*.py"))
SIGNS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.keyword)
MEANT_BY_FEW = """
match point:
    case Point(0, x=0) | [1, *_] if ok: del a, b
    case {"k": v, **more}: pass
try: x = [y async for y in z if y]
except (E, F) as e: raise G from e
else: pass
finally: nonlocal_ = lambda a, /, b=1, *c, d, **e: (yield from a)
with open(p) as f, g: x: int = f"{a!r:>{w}}" "b"
while not (a := -1) < 2 <= 3: continue
@d
class C(B, metaclass=M, *N, **O): x = {**a, 1: 2}
"""


def parsed(text: str) -> ast.Module:
    return Source("train.py", text).tree


def first(text: str) -> ast.expr:
    return parsed(text).body[0].value


@pytest.mark.parametrize(
    "text", [*(p.read_text("utf-8") for p in SCRIPTS), MEANT_BY_FEW], ids=[*(p.stem for p in SCRIPTS), "rare"]
)
def test_a_walk_passes_by_signs_only(text: str) -> None:
    tree = parsed(text)
    seen = {id(node) for node in walk(tree)}
    calls = [node for node in ast.walk(tree) if isinstance(node, (ast.Call, ast.ClassDef))]
    starred = {id(node) for call in calls for node in (call.args if isinstance(call, ast.Call) else call.bases)}
    missed = [node for node in ast.walk(tree) if id(node) not in seen and not isinstance(node, SIGNS)]
    assert all(isinstance(node, ast.Starred) and id(node) in starred for node in missed), missed
    kinds = (ast.For, ast.Try, ast.If, ast.Continue)
    assert [n for n in statements(tree) if isinstance(n, kinds)] == [n for n in walk(tree) if isinstance(n, kinds)]


def test_every_node_but_the_first_is_below_one_other() -> None:
    nodes = list(walk(parsed(MEANT_BY_FEW)))
    children = [id(child) for node in nodes for child in below(node)]
    assert sorted(children) == sorted(map(id, nodes[1:]))


def test_arguments_stand_in_the_order_they_are_written() -> None:
    source = Source("train.py", "f(1, *a, k = 2, *b, **c)\nclass C(B, metaclass=M, *N, **O): pass\n")
    call, definition = source.tree.body[0].value, source.tree.body[1]
    assert [(a.keyword, a.star, source.segment(a)) for a in arguments_of(call)] == [
        (None, "", "1"), (None, "*", "*a"), ("k", "", "k = 2"), (None, "*", "*b"), (None, "**", "**c"),
    ]  # fmt: skip
    assert [source.segment(a.value) for a in arguments_of(definition)] == ["B", "M", "N", "O"]
    assert arguments_of(call)[0] is arguments_of(call)[0]
    assert [type(n) for n in below(call)] == [ast.Name, *[Argument] * 5]


def test_parameters_have_their_defaults() -> None:
    taken = parameters_of(first("lambda a, /, b=1, *c, d, e=2, **f: 0"))
    assert [(p.name, p.default and p.default.value) for p in taken.positional] == [("a", None), ("b", 1)]
    assert [(p.name, p.default and p.default.value) for p in taken.keyword_only] == [("d", None), ("e", 2)]
    assert [p.name for p in taken.every()] == ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(("code", "name"), [("a.b.c", "a.b.c"), ("a", "a"), ("f().b", ".b"), ("1", "")])
def test_dotted_names(code: str, name: str) -> None:
    assert dotted(first(code)) == name


@pytest.mark.parametrize(("code", "text"), [("'a' 'b'", "ab"), ("b'a'", None), ("f'a'", None), ("1", None)])
def test_texts_of_literals(code: str, text: str | None) -> None:
    assert text_of(first(code)) == text
