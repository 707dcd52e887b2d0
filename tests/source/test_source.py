"""Scripts: decoding, places, excerpts, syntax errors, deep text. Notebooks and comments have files of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import libcst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from nl2sql_review.source import SIZE_LIMIT, Source, SourceError, Span
from nl2sql_review.source.syntax import text_of, walk


def script(text: str | bytes) -> Source:
    return Source.from_bytes(text.encode() if isinstance(text, str) else text, "train.py")


def failure(text: str | bytes, path: str = "train.py") -> SourceError:
    with pytest.raises(SourceError) as caught:
        _ = Source.from_bytes(text.encode() if isinstance(text, str) else text, path).tree
    return caught.value


def place(error: SourceError) -> tuple[str, int, int]:
    return error.rule, error.span.row, error.span.column


def calls(source: Source) -> list[libcst.Call]:
    return [node for node in walk(source.tree) if isinstance(node, libcst.Call)]


def cut(source: Source, span: Span) -> str:
    """The text of the file at a span, found without any code of the room under test."""
    rows = [source.line(row, span.cell) for row in range(span.row, span.end_row + 1)]
    rows[-1] = rows[-1][: span.end_column - 1]
    rows[0] = rows[0][span.column - 1 :]
    return "\n".join(rows)


def test_the_room_does_not_import_libcst():
    code = "import sys, nl2sql_review.source; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Bytes


def test_empty_file_is_an_empty_script():
    source = script(b"")
    assert (source.text, source.kind, list(source.tree.body), source.line(1)) == ("", "script", [], "")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_are_kept_and_rows_count_them(newline):
    data = newline.join(["import x", "", "y = f(", "  1)", ""]).encode()
    source = script(data)
    assert source.to_bytes(source.text) == data
    (call,) = calls(source)
    assert source.span(call) == Span(3, 5, 4, 5)
    assert source.line(3) == "y = f("


def test_mixed_line_ends():
    source = script(b"a = 1\r\nb = 2\rc = 3\nd = f(\r\n  2)\r")
    assert source.span(calls(source)[0]) == Span(4, 5, 5, 5)
    assert [source.line(row) for row in range(1, 7)] == ["a = 1", "b = 2", "c = 3", "d = f(", "  2)", ""]


def test_only_pythons_line_ends_end_a_line():
    source = script("s = 'a\u2028b\x0bc\x85'\nf(1)\n")
    assert source.span(calls(source)[0]) == Span(2, 1, 2, 5)


def test_byte_order_mark_is_kept_and_no_column():
    data = b"\xef\xbb\xbff(1)\n"
    source = script(data)
    assert source.bom and source.text == "f(1)\n"
    assert source.span(calls(source)[0]) == Span(1, 1, 1, 5)
    assert source.to_bytes(source.text) == data


def test_encoding_cookie():
    data = "#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx = 'ü' + f(1)\n".encode("latin-1")
    source = script(data)
    assert source.encoding == "iso8859-1"
    assert source.span(calls(source)[0]) == Span(3, 11, 3, 15)
    assert source.to_bytes(source.text) == data


def test_a_cookie_below_code_or_on_the_third_line_is_none():
    assert script("x = 1\n# coding: latin-1\ny = 'ü'\n").encoding == "utf-8"
    assert script("#\n#\n# coding: latin-1\n").encoding == "utf-8"


@pytest.mark.parametrize(
    ("data", "row", "column", "words"),
    [
        (b"x = 1\ny = '\xff'\n", 2, 6, "0xff"),
        ("x = 'ä'\n".encode() + b"y = '\xe4'\n", 2, 6, "0xe4"),
        ("é = '".encode() + b"\xe4'\n", 1, 6, "UTF-8"),
        (b"a\r\nb\r\xff", 3, 1, "0xff"),
        (b"\xff\xfex\x00", 1, 1, "UTF-16"),
        (b"x = 1\ny = \x00\n", 2, 5, "null byte"),
        (b"# coding: klingon\n", 1, 11, "klingon"),
        (b"#\n# vim: fileencoding=hex :\n", 2, 21, "hex"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, 11, "byte order mark"),
        (b"# coding: ascii\nx = '\xc3\xa4'\n", 2, 6, "ascii"),
    ],
)
def test_bytes_that_are_no_text(data, row, column, words):
    error = failure(data)
    assert place(error) == ("file/unreadable", row, column)
    assert words in error.message and "\n" not in error.message


def test_size_limit_is_named():
    error = failure(b"#" * SIZE_LIMIT)
    assert place(error) == ("file/unreadable", 1, 1) and "5 MB" in error.message
    assert script(b"#" * (SIZE_LIMIT - 1)).text


def test_code_too_large_for_a_tree_is_refused_however_few_bytes_it_has():
    for text in ("x = 1\n" * 60_000, "[1,2]," * 50_000, "\r\n" * 250_000, "\n" * 250_000):
        error = failure(text)
        assert place(error) == ("file/unreadable", 1, 1) and "100000" in error.message
    text = "x = '''" + "select (1, 2)\n" * 100_000 + "'''\n"
    assert len(script(text).tree.body) == 1


# Places

EVERYTHING = '''\
# header
import os, sys
from a.b import (c,
                 d as e)
@decorate(1)
@other
class A(B, metaclass=C):
    """doc"""
    x: int = 1

    @property
    async def f(self, /, a, *args, b: int = 2, **kw) -> int:
        await (yield)
with open("f") as g, (h):
    pass
for i, j in (zip(a, b)):
    total += ( i + j ) * 2   # comment
else:
    del x[0], y.z
while not (a and
           b): break
try:
    raise E from None
except (X, Y) as z: pass
finally: assert a, "b"
r = f(1, *a, k = 2 , ** kw)
s = ("one" 'two'
     f"three {x!r:>{w}} {y=}" r"four")
t = {**a, 'k': [1, (2), (3,)], **b}; u = {1, 2}; v = [x for x in y if z]
w = lambda q=1, *r: (q if r else - 1)
( (value) )
print(f("a", (b), ( c ).d)[0], 'é', "ü😀", f(1))
if (n := 1) > 2: x = 1; y = 2
elif a: pass
match command:
    case [A(x=1), {"k": v, **rest}] if x: pass
    case None | 1: pass
global_ = 1 \\
    + 2
async def main():
    await g(x)
    async for a in b: pass
'''


@pytest.mark.parametrize("text", [EVERYTHING, EVERYTHING.replace("\n", "\r\n"), EVERYTHING.replace("    ", "\t")])
def test_every_place_is_libcsts_own(text):
    source = script(text)
    expected = MetadataWrapper(source.tree, unsafe_skip_copy=True).resolve(PositionProvider)
    source.locate(expected)
    compared = set()
    for node, range_ in expected.items():
        if isinstance(node, (libcst.Module, libcst.Newline, libcst.TrailingWhitespace)):
            continue  # the last line end lies beyond the text
        if isinstance(node, (libcst.Tuple, libcst.GeneratorExp)):
            continue  # whose brackets are their own
        span = source.span(node)
        got = (span.row, span.column - 1, span.end_row, span.end_column - 1)
        want = (range_.start.line, range_.start.column, range_.end.line, range_.end.column)
        assert got == want, type(node).__name__
        compared.add(type(node))
    for kind in (
        "Call Arg Assign Name SimpleString ConcatenatedString FormattedString BinaryOperation Dict FunctionDef "
        "ClassDef "
        "Decorator With For Import ImportFrom"
    ).split():
        assert getattr(libcst, kind) in compared


def test_locating_few_nodes_says_the_same_as_locating_all():
    whole, few = script(EVERYTHING), script(EVERYTHING)
    for node, twin in zip(calls(whole), calls(few)):
        few.locate([twin])
        assert few.span(twin) == whole.span(node)


def test_a_compound_statement_ends_with_its_last_statement():
    source = script("if a:\n    x = 1\n    # trailing\n\n\nelse:\n    y = 2  # c\n\n# end\n")
    (branch,) = source.tree.body
    source.locate([branch])  # its end is that of a node that was not asked for
    assert source.span(branch) == Span(1, 1, 7, 10)


def test_an_argument_ends_before_its_comma():
    source = script("f(a , r = 16 ,)\n")
    first, second = calls(source)[0].args
    assert cut(source, source.span(first)) == "a"
    assert cut(source, source.span(second)) == "r = 16"


def test_columns_count_code_points():
    source = script("x = '😀ü', f(1)\n")
    assert source.span(calls(source)[0]) == Span(1, 11, 1, 15)


def test_form_feeds_do_not_shift_columns():
    source = script("x = 1\n\x0cy = f(2)\n\x0c\nz = g(3)\n")
    assert [cut(source, source.span(call)) for call in calls(source)] == ["f(2)", "g(3)"]


def test_a_span_is_its_own_span_and_a_foreign_node_has_none():
    source = script("x = 1\n")
    assert source.span(Span(1, 2, 3, 4)) == Span(1, 2, 3, 4)
    with pytest.raises(LookupError):
        source.span(libcst.parse_expression("f(2)"))


@pytest.mark.parametrize(
    ("code", "segment"),
    [
        ("( (a, b) )", "(a, b)"), ("a, b", "a, b"), ("( # c (\n a, # )\n)", "( # c (\n a, # )\n)"),
        ("((x for x in y))", "(x for x in y)"),
        ("f( x for x in y ) .z", "( x for x in y )"), ("f((x for x in y), z)", "(x for x in y)"), ("()", "()"),
        ("g[a, (b)]", None),
    ],
)  # fmt: skip
def test_tuples_and_generators_stand_with_their_brackets(code, segment):
    source = script(f"v = {code}\n")
    found = [node for node in walk(source.tree) if isinstance(node, (libcst.Tuple, libcst.GeneratorExp))]
    assert [source.segment(node) for node in found] == ([] if segment is None else [segment])


@pytest.mark.parametrize(
    "text",
    [
        "\\\nf(1)\n",
        "x = f'{a!r }{b!s  :x}'; f(1)\n",
        "\x0cif x:\n\x0c    y\n    \x0cf(1)\n",
        "f(1)",
        "\\\r\nx; f(1)\r\n",
    ],
)
def test_blanks_that_libcst_forgets_shift_no_place(text):
    source = script(text)
    (call,) = calls(source)
    assert source.segment(call) == cut(source, source.span(call)) == "f(1)"
    once = script(text)
    once.locate(calls(once))
    assert once.span(calls(once)[0]) == source.span(call)


def test_segments_are_the_text_of_the_file():
    source = script("x = 1\n\x0cy = f(2,\n\x0c  g( 3 ) , h)\n")
    first, second = calls(source)
    assert source.segment(first) == "f(2,\n\x0c  g( 3 ) , h)"
    assert source.segment(second) == "g( 3 )"
    assert source.segment(second, first.args[-1]) == "g( 3 ) , h"
    assert source.segment(source.tree) == source.text


# Excerpts


@pytest.mark.parametrize(
    ("code", "excerpt"),
    [
        ("f(\n    a,  # why\n    # more\n    b,\n)", "f(a, b)"),
        ("f(  # why (not)\n    a,\n)", "f(a)"),
        ("f((\n    a,\n))", "f((a,))"),
        ("f('# no comment',\n  1)", "f('# no comment', 1)"),
        ("f('''\n  SELECT # 1\n''')", r"f('''\n  SELECT # 1\n''')"),
        ("f(a \\\n  + b)", "f(a + b)"),
        ("f(a\n  .b)", "f(a.b)"),
        ("f(\r\n\ta)", "f(a)"),
    ],
)
def test_excerpts_are_one_line_of_code(code, excerpt):
    source = script(f"x = {code}\n")
    assert source.excerpt(calls(source)[0]) == excerpt


def test_excerpts_before_and_after_locating_are_the_same():
    early, late = script(EVERYTHING), script(EVERYTHING)
    late.locate(calls(late))
    for node, twin in zip(calls(early), calls(late)):
        assert early.excerpt(node) == late.excerpt(twin)
        for argument in node.args:
            assert early.excerpt(argument) == early.excerpt(early.span(argument))


def test_excerpts_are_short():
    source = script(f"f({'a, ' * 1000})\n")
    assert source.excerpt(calls(source)[0], limit=10) == "f(a, a, a…"
    assert len(source.excerpt(calls(source)[0])) == 80


def test_excerpts_of_spans_and_of_nodes_from_elsewhere():
    source = script("x = f(1,\n      2)\n")
    assert source.excerpt(Span(1, 5, 2, 9)) == "f(1, 2)"
    assert source.excerpt(libcst.parse_expression("g( 1 )")) == "g( 1 )"


# Syntax errors


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("x = 1\nreturn x\n", 2, "'return' outside function"),
        ("if x:\n    break\n", 2, "'break' outside loop"),
        ("try: a\nexcept: b\nexcept C: d\n", 3, "default 'except:' must be last"),
        ("def f(a, a): pass\n", 1, "duplicate argument 'a'"),
        ("x = 1\nfrom __future__ import annotations\n", 2, "from __future__ imports must occur at the beginning"),
        ("*a\n", 1, "can't use starred expression here"),
    ],
)
def test_what_python_refuses_only_as_a_whole(text, row, words):
    error = failure(text)
    assert (error.rule, words in error.message) == ("file/syntax", True)
    assert abs(error.span.row - row) <= 1  # of an `except:` some versions name the row before


def test_top_level_await_is_read():
    assert script("import a\nawait a.b()\n").tree.body


@pytest.mark.parametrize("prefix", ["", "x: Row = [1]; type Row = int\n"])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (r'x = "C:\Users\me"', "unicode error"),
        (r'x = f"\x{a}"', "truncated"),
        (r'x = "é" "\N{no such}"', "unicode"),
        ("x = b'ü'", "bytes can only contain ASCII"),
        ("x = 'a' b'b'", "cannot mix bytes"),
        ("x = " + "1" * 5000, "Exceeds the limit"),
    ],
)
def test_what_libcst_reads_and_no_python_does_is_an_error(prefix, code, words):
    """In Python's own words, at its place; below newer syntax too."""
    error = failure(f"a = 1\n{prefix}{code}\n")
    assert error.rule == "file/syntax" and error.span.row >= 2
    assert prefix or words in error.message


def test_many_strings_side_by_side_are_one_text():
    value = script("x = (" + "'a'\n" * 2990 + ")\n").tree.body[0].body[0].value
    assert text_of(value) == "a" * 2990


@pytest.mark.parametrize(
    ("text", "row", "column", "words"),
    [
        ("x = f(1\ny = 2\n", 1, 6, "'(' was never closed"),
        ("x = [1)\n", 1, 7, "')' does not match '['"),
        ("x = 1)\n", 1, 6, "unmatched ')'"),
        ("x = 'abc\ny = 1\n", 1, 5, "never closed"),
        ("x = 1\ns = '''a\n\n", 2, 5, "never closed"),
        ("é = 'ü' b\n", 1, 9, ""),
        ("x = 1\n  y = 2\n", 2, 3, "indent"),
        ("def f():\n        x\n    y\n", 3, 5, "indent"),
        ("if x:\npass\n", 2, 1, "indented block"),
        ("x = 1\r\ny = = 2\r\n", 2, 5, ""),
        ("x = 1\ry = = 2\r", 2, 5, ""),
        ("\ufeffx = 1\ny = = 2\n", 2, 5, ""),
        ("if x:\n\ty = = 2\n", 2, 6, ""),
        ("f(\n    r = 16\n    alpha = 3,\n)\n", 2, 9, "comma"),
        ("x = $\n", 1, 5, ""),
        ("\ufeff\ufeffx = 1\n", 1, 1, "byte order mark"),
        ("class A\n    pass\n", 1, 8, ""),
    ],
)
def test_syntax_errors_have_a_place_and_one_line(text, row, column, words):
    error = failure(text)
    assert place(error) == ("file/syntax", row, column), error.message
    assert words in error.message and error.message and "\n" not in error.message


def test_a_syntax_error_is_told_again():
    source = script("x = (\n")
    for _ in range(2):
        with pytest.raises(SourceError):
            _ = source.tree


@pytest.mark.parametrize(
    "text",
    [
        "type Row = dict[str, int]\n",
        "def f[T: int](x: T) -> T: ...\n",
        "x = f'{a['b']} {f\"{'c'}\"}'\n",
        "try: pass\nexcept* ValueError: pass\n",
        "with (open(a) as b, open(c) as d): pass\n",
        "await f(x)\nasync for a in b: pass\n",
        "match x:\n    case {'a': [1, *_]}: pass\n",
    ],
)
def test_newer_syntax_than_the_running_python(text):
    assert script(text).tree.code == text


def test_an_error_below_newer_syntax_is_named_where_it_is():
    error = failure("type Row = dict[str, int]\nx = 1\ny = = 2\n")
    assert (error.span.row, error.span.column) == (3, 5)


# Deep text

DEEP = {
    "parentheses": lambda n: "x = " + "(" * n + "1" + ")" * n,
    "lists": lambda n: "x = " + "[" * n + "]" * n,
    "dicts": lambda n: "x = " + "{1:" * n + "1" + "}" * n,
    "calls": lambda n: "x = " + "f(" * n + ")" * n,
    "open brackets": lambda n: "x = " + "(" * n,
    "brackets over lines": lambda n: "x = " + "(\n" * n + "1" + ")\n" * n,
    "brackets in an f-string": lambda n: 'x = f"{' + "(" * n + "1" + ")" * n + '}"',
    "f-strings": lambda n: "x = " + "f'{" * n + "1" + "}'" * n,
    "format specs": lambda n: "x = f'" + "{a:" * n + "}" * n + "'",
    "blocks": lambda n: "".join(" " * i + "if x:\n" for i in range(min(n, 2000))) + " " * min(n, 2000) + "pass",
    "elif": lambda n: "if x: pass\n" + "elif x: pass\n" * n,
    "not": lambda n: "x = " + "not " * n + "1",
    "minus": lambda n: "x = " + "-" * n + "1",
    "attributes": lambda n: "x = a" + ".b" * n,
    "attributes over lines": lambda n: "x = (a" + "\n.b" * n + ")",
    "call chain": lambda n: "x = a" + "()" * n,
    "subscripts": lambda n: "x = a" + "[0]" * n,
    "sum": lambda n: "x = a" + " + b" * n,
    "sum over lines": lambda n: "x = a" + " + \\\n b" * n,
    "powers": lambda n: "x = a" + "**b" * n,
    "and": lambda n: "x = a" + " and b" * n,
    "lambda": lambda n: "x = " + "lambda: " * n + "1",
    "conditional": lambda n: "x = " + "a if b else " * n + "1",
    "dotted import": lambda n: "import a" + ".b" * n,
    "comprehension": lambda n: "x = [a" + " for a in b" * n + "]",
    "strings side by side": lambda n: "x = (" + "'a'\n" * n + ")",
    "raw strings": lambda n: "x = (" + "r'a'\n" * n + ")",
    "formatted strings": lambda n: "x = (" + "f'{a} ({b})' rf'{c}{d}'\n" * (n // 2 + 1) + ")",
    "patterns": lambda n: "match x:\n case " + "[" * n + "]" * n + ": pass",
    "class patterns over lines": lambda n: "match x:\n case " + "A(\n" * n + ")" * n + ": pass",
    "del": lambda n: "del " + "(" * n + "a b" + ")" * n,
}


def test_3000_deep_text_is_an_error_with_a_place():
    """In a process of its own, because a parser that overflows the stack takes the process with it."""
    code = textwrap.dedent("""
        import sys
        from nl2sql_review.source import Source, SourceError
        from tests.source.test_source import DEEP
        for name, make in DEEP.items():
            try:
                Source.from_bytes((make(3001 if "strings" in name else 3000) + "\\n").encode(), "deep.py").tree
                print(name, "was read")
            except SourceError as error:
                if error.rule != "file/syntax" or (error.span.row, error.span.column) == (1, 1) or not error.message:
                    print(name, error.span, error.message)
    """)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [name for name in DEEP if name not in ("open brackets", "blocks", "patterns", "del")])
def test_what_people_write_is_not_deep(name):
    count = 7 if name == "class patterns over lines" else 100
    source = script(DEEP[name](count) + "\n")
    assert source.span(source.tree.body[-1]).row >= 1


@pytest.mark.parametrize("count", [300, 900])
def test_long_chains_are_read_and_located(count):
    source = script("x = (" + "\n + ".join(['"a"'] * count) + ")\ny = f(1)\n")
    assert source.span(source.tree.body[1].body[0].value) == Span(count + 1, 5, count + 1, 9)
    value = source.tree.body[0].body[0].value
    assert source.span(value) == Span(1, 6, count, 7)


def test_deep_text_is_read_on_a_small_stack():
    texts = ["x = " + "f(" * 199 + ")" * 199, *("x = (" + f"{one}\n" * 2900 + ")" for one in ("'a'", "r'a'", "f'{a}'"))]
    code = textwrap.dedent("""
        import json, sys, threading
        from nl2sql_review.source import Source
        def read():
            for text in json.load(sys.stdin):
                source = Source.from_bytes(text.encode(), "deep.py")
                print(source.span(source.tree.body[0].body[0]).end_row == len(text.splitlines()))
        threading.stack_size(512 * 1024)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    """)
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "True\n" * 4), ran.stderr


def test_brackets_in_strings_and_comments_are_not_deep():
    text = "x = '" + "(" * 500 + "'\n# " + "[" * 500 + "\n'''\n" + "{\n" * 500 + "'''\n" + 'y = f"{x}((("\n' * 200
    assert script(text).tree.code == text


def test_smileys_in_format_strings_are_not_deep():
    text = "".join(f'print(f"{{x}} :( {i}")\n' for i in range(300))
    assert script(text).tree.code == text
