"""Ways through a tree, and positions by the statements that hold a node."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from pathlib import Path

import libcst as cst
import pytest

from nl2sql_review.source import Source, deeply, parsing, positions
from nl2sql_review.source.lexer import Lexer
from nl2sql_review.source.spans import Lines, SourceError
from nl2sql_review.source.syntax import LAYOUT, below, dotted, statements, text_of, walk

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCRIPTS = [path for path in sorted(FIXTURES.rglob("*.py")) if "silent" not in path.parts]  # those differ in few lines
SPACE = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline, cst.Comment)
SIGNS = (
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
)
OPERATORS = (
    cst.Dot,
    cst.Comma,
    cst.Colon,
    cst.Semicolon,
    cst.AssignEqual,
    cst.ParamStar,
    cst.ParamSlash,
    cst.BaseUnaryOp,
)
MORE = (cst.BaseBinaryOp, cst.BaseBooleanOp, cst.BaseCompOp, cst.BaseAugOp)
MEANT_BY_FEW = """
match point:
    case Point(0, x=0) | [1, *_] if ok: del a, b
    case {"k": v, **more}: pass
try: x = [y async for y in z if y]
except* (E, F) as e: raise G from e
else: pass
finally: nonlocal_ = lambda a, /, b=1, *c, d, **e: (yield from a)
with open(p) as f, g: x: int = f"{a!r:>{w}}" "b"
while not (a := -1) < 2 <= 3: continue
@d
class C[T](B, metaclass=M): type X = int
"""

TIGHT = "async def f(): return await(b)if(c)else(d)\n"  # Python needs no blanks there


def everything(node: cst.CSTNode) -> list[cst.CSTNode]:
    return [node, *itertools.chain.from_iterable(map(everything, node.children))]


@pytest.mark.parametrize(
    "text", [*(p.read_text("utf-8") for p in SCRIPTS), MEANT_BY_FEW], ids=[*(p.stem for p in SCRIPTS), "rare"]
)
def test_only_layout_is_passed_by(text: str) -> None:
    tree = cst.parse_module(text)
    seen = {id(node) for node in walk(tree)}
    missed = [node for node in everything(tree) if id(node) not in seen]
    assert all(isinstance(node, (*SPACE, *SIGNS, *OPERATORS, *MORE)) for node in missed), {
        type(n).__name__ for n in missed
    }
    loops = [node for node in walk(tree) if isinstance(node, (cst.For, cst.Try, cst.If, cst.Continue))]
    assert [node for node in statements(tree) if isinstance(node, (cst.For, cst.Try, cst.If, cst.Continue))] == loops


def test_below_is_one_step_of_a_walk() -> None:
    tree = cst.parse_module(MEANT_BY_FEW)
    for node in walk(tree):
        assert set(map(id, below(node))) <= set(map(id, node.children))
    assert "value" not in LAYOUT


def test_a_module_tells_what_a_node_stands_in() -> None:
    source = Source("train.py", "class A:\n    def f(self):\n        if x:\n            g(1)\n")
    number = source.nodes.of(cst.Integer)[0]
    path = source.nodes.path(number)
    assert path[0] is source.tree and path[-1] is number
    kinds = (cst.ClassDef, cst.FunctionDef, cst.If, cst.Call)
    assert [type(node) for node in path if isinstance(node, kinds)] == [*kinds]
    assert source.nodes.path(cst.Integer("1")) == []
    assert source.nodes.order == list(walk(source.tree))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_statements_give_the_places_that_the_whole_gives(path: Path) -> None:
    source = Source.from_bytes(path.read_bytes(), str(path))
    nodes = [node for node in walk(source.tree) if isinstance(node, (cst.Arg, cst.Assign, cst.ClassDef, cst.Param))]
    whole = positions.offsets(source.tree, source.text, nodes)
    for node in nodes:
        found = positions.offsets_by_statement(source.nodes, source.text, [node])
        assert found is None or found[id(node)] == whole[id(node)]
    assert positions.offsets_by_statement(source.nodes, source.text, nodes[:1]) is not None


def argument(source: Source, number: int) -> cst.CSTNode:
    return [node for node in walk(source.tree) if isinstance(node, cst.Arg)][number]


@pytest.mark.parametrize("text", ["f(1)\nf(1)\n", "if a:\n    f(1)\n\n    f(1)", "x = 1\nf(1)\nxf(1)\n"])
def test_what_stands_twice_is_found_by_the_whole(text: str) -> None:
    source = Source("train.py", text)
    node = argument(source, 0)
    row = text.split("\n").index(text.split("f(1)")[0].split("\n")[-1] + "f(1)") + 1
    source.locate([node])
    assert source.span(node).row == row


@pytest.mark.parametrize("text", ["x = 1\nf(1)", "x = 1\r\nf(1)\r\n", "x = 1\r\nf(1)", "if a:\n\tif b: f(1)\n\n\n"])
def test_the_end_of_the_file_is_found_too(text: str) -> None:
    source = Source("train.py", text)
    node = argument(source, 0)
    assert positions.offsets_by_statement(source.nodes, text, [node]) == {
        id(node): (text.index("(") + 1, text.index("(") + 2)
    }


def test_a_suite_below_a_suite_is_found_without_the_whole() -> None:
    source = Source("train.py", text := "if a:\n      for x in f(1):\n            b\n      c\n")
    found = positions.offsets_by_statement(source.nodes, text, [node := argument(source, 0)])
    assert found == {id(node): (text.index("1"), text.index("1") + 1)}


def test_a_form_feed_between_two_requests() -> None:
    source = Source("train.py", "f(1)\n\x0cg(2)\nh(3)\n")
    first, second, third = (argument(source, n) for n in range(3))
    source.locate([first])
    source.locate([second])
    source.locate([third])
    assert [(s.row, s.column) for s in map(source.span, (first, second, third))] == [(1, 3), (2, 4), (3, 3)]


def test_a_node_of_another_tree_has_no_place() -> None:
    source = Source("train.py", "f(1)\n")
    other = argument(Source("other.py", "g(2)\n"), 0)
    source.locate([argument(source, 0)])
    with pytest.raises(LookupError):
        source.span(other)


@pytest.mark.parametrize(
    ("code", "name"), [("a.b.c", "a.b.c"), ("a", "a"), ("f().b.c", ".b.c"), ("1", ""), ("a" + ".b" * 900,) * 2]
)
def test_dotted_names(code: str, name: str) -> None:
    assert dotted(deeply(lambda: cst.parse_expression(code))) == name


@pytest.mark.parametrize(
    ("code", "text"),
    [("'a' 'b' \"c\"", "abc"), ("'a'", "a"), ("b'a'", None), ("f'a'", None), ("'a' f'b' 'c'", None), ("1", None)],
)
def test_texts_of_literals(code: str, text: str | None) -> None:
    assert text_of(cst.parse_expression(code)) == text


def test_statements_of_a_suite() -> None:
    body = cst.parse_module("if a:\n    b\nc\n").body
    assert [type(one).__name__ for one in statements(body) if not isinstance(one, cst.IndentedBlock)] == [
        "If", "SimpleStatementLine", "Expr", "SimpleStatementLine", "Expr",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["x = 1  # {}\n", 'x = "{}"\n', 'x = """{}"""\n', "x = f'{{y}}{}' 'z'\n", "# {}\nx = ('a'\n     'b')\n"],
)
@pytest.mark.parametrize("filling", ["a", "_", "[", "=", " "])
def test_a_long_comment_or_string_is_one_token(line: str, filling: str) -> None:
    """However long, it is looked at once: the screens that protect the parser stay linear, and let it through."""
    counts = []
    for size in (200, 200_000):
        text = line.format(filling * (size // len(filling)))
        lexer = Lexer(Lines(text)).run()
        counts.append((len(lexer.opaque), len(parsing._TOKEN.findall(lexer.outline()))))
        assert Source("train.py", text).tree.code == text
    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", ["x = 1\n", "x = (\n"])
def test_nodes_that_others_make_are_checked_after_a_parse(text: str) -> None:
    with suppress(SourceError):
        parsing.parse(text)
    with pytest.raises(cst.CSTValidationError):
        cst.Name("")


def test_nodes_that_another_thread_makes_meanwhile_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the parse goes on unchecked after that of the other thread has ended."""
    parse_module, refused = cst.parse_module, []

    def interrupted(text: str) -> cst.Module:
        def other() -> None:
            parsing.parse("x = 1\n")
            with suppress(cst.CSTValidationError):
                refused.append(cst.Name(""))

        if "await" in text:
            (thread := threading.Thread(target=other)).start()
            thread.join()
        return parse_module(text)

    monkeypatch.setattr(cst, "parse_module", interrupted)
    parsing.parse(TIGHT)
    assert refused == []


@pytest.mark.parametrize("text", [f"x = 0x{'f' * 9_000}\n", f"x = {'[' * 90}{']' * 90}\n"])
def test_a_deep_text_needs_one_large_stack(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second thread would find the stack of the first still there, and no room for its own under a limit."""
    started, start = [], threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counted)
    assert parsing.parse(text, program=True).code == text
    assert len(started) == 1


def test_a_program_that_the_checks_refuse_is_read() -> None:
    with pytest.raises(cst.CSTValidationError):
        cst.parse_module(TIGHT)
    assert parsing.parse(TIGHT, program=True).code == TIGHT


@pytest.mark.parametrize("text", ["x = 'a' b'b'\n", "x = b'a' f'{b}'\n", "lazy import a\nx = f'{a}' b'b'\n"])
def test_bytes_beside_text_are_refused(text: str) -> None:
    with pytest.raises(SourceError):
        parsing.parse(text, program=True)


DEEP = "(" * 30 + "a + 1" + ")" * 30  # for which LibCST would take 2**30 steps


@pytest.mark.parametrize(
    ("text", "keyword", "place"),
    [
        (f"x = 1; del {DEEP}\n", "del", (1, 20)),
        (f"if x: del {DEEP}\n", "del", (1, 19)),
        (f"match x:\n    case [  # one\n{DEEP}]: pass\n", "case", (3, 8)),
        (f"match x:\n    case 1: pass\n\\\n    case {DEEP}: pass\n", "case", (4, 18)),
        (f"match x:\n \f case {DEEP}: pass\n", "case", (2, 17)),
    ],
    ids=["semicolon", "colon", "comment", "backslash", "form feed"],
)
def test_deep_brackets_of_case_and_del_are_refused_wherever_they_begin(
    text: str, keyword: str, place: tuple[int, int]
) -> None:
    with pytest.raises(SourceError, match=f"more than 8 nested brackets of a `{keyword}`") as refused:
        parsing.parse(text)
    assert (refused.value.span.row, refused.value.span.column) == place


@pytest.mark.parametrize(
    "line", ["del a; x = {}\n", "x = {}; del a\n", "case = {}\n", "x = {}  # del\n", "x = 'del', {}\n"]
)
def test_deep_brackets_beside_case_and_del_are_read(line: str) -> None:
    text = line.format("(" * 30 + "1" + ")" * 30)
    assert parsing.parse(text, program=True).code == text
