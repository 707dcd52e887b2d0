"""The tree of what the running Python is too old for, held against Python's own; the places of code in f-strings."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Iterator

import libcst
import pytest

from nl2sql_review.source import Source, SourceError
from nl2sql_review.source.formatted import place_fields
from nl2sql_review.source.lowering import lowered
from nl2sql_review.source.parsing import _python, parse

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("fixtures", "examples", "nl2sql_review") for path in (ROOT / room).rglob("*.py"))

# Every kind of node, one snippet a paragraph.
SNIPPETS = r'''
a, b,  = ( c , )

f(x for x in y); f ( # c
  # d
  x for x in y); (f) (x for x in y).z; f(((a for a in b))); f((a for a in b), c)

f(a, *b, k=(1), *c, **d); f(
    a, # b
    # c
)

x[1 , ]; x[1:2 , : , ::3, a:b:c]; x[(1, 2)]; x[(a)]; x[(a), (b)]; x[()]; x[: ]; x[a := 1]

x[ # c
 1 # d
 , # e
]

a and b and c or d or (e or f) and (g and h); (a and b) and c; a and (b and c)

not a, -1, +1, ~1, - - 1; a < b <= c != d is not e not in f in g is h > i >= j == k

a if b else (c); lambda: 0; lambda a, /, b=1, *c, d, e=2, **f: (yield); lambda *, a: a

def f(a: (int), /, b: int = (3), *c: d, e, g: h = 1, **i: j) -> (k): pass

def f(
    a, # b
    *, c # d
): # e
    # f
    pass # g

async def f():
    async with a as b, c: await (d)
    async for x in y: pass
    else: pass
    return [z async for z in w if a if b for c in d]

@a.b(c)
@d
class A(B, *C, metaclass=M, **k):
    "doc"
    x: int
    x.y: int = 4
    @property
    def f(self): return

class A(): x = 1; y = 2 ;

if a: b; c;
elif d: e
elif (f): g
else:
    h  # comment
    # comment

while (a): break
else: continue_

for a, *b in *c, d: continue
else: pass

for (a, b) in (c): pass

for x[0], y.z in c: pass

try: a
except: b

try: a
except (A, B) as e: b
except C: d
else: e
finally: f;

with (a): pass

with (a, b): pass

with (a as b, c as (d, e)): pass

with (a, b) as c, d as e[0], (yield): pass

del a, b; del (a, b); del a,; del (a); del a.b, c[0], (d), [e, f]

a = b = c, *d = e; [*a], (*b,) = c

a += 1; b -= 2; c *= 3; d /= 4; e //= 5; f %= 6; g **= 7; h <<= 8; i >>= 9; j |= 1; k &= 2; l ^= 3; m @= 4

a + b - c * d / e // f % g ** h << i >> j | k & l ^ m @ n; (a + b) * (c)

import a, b.c as d, e . f

from . import a; from ... import a as b, c; from .a.b import *; from .... a import b

from a import (b, c as d,)

def f():
    global a, b
    nonlocal c
    raise
    raise A from (B)
    assert (a), (b)
    x = yield a, b
    yield from (c)
    return a, *b

{}; {1}; {*a, 1}; {1: 2, **a, (3): (4)}; []; [*a, b]; (); (a,); (( a , )); ((a, b)); (a := 1)

{a: b for a, b in c if d}; {a for a in b}; [a for a in b if (c) if d for e in f]; ((a for b in c))

1, 1_000, 0xFf, 0o7, 0b1, 1.5, 1e3, .5, 1j, 1.5J, 10**400, ..., None, True, False

"a", 'b', b'c', rb'\d', r'\d', '\d\n', u'e', U'f', """g
h"""

"a" 'b' """c"""; u"a" 'b'; b'a' rb'\b'; ("a"
 # c
 "b")

f""; f"a"; f"{a}"; f"{{}}{{{a}}}"; "a" f"b" 'c' f"{d}" "e" rf"\d{f}{{}}"; u"a" f"{b}c"

f"\N{EM DASH}{a}\n\x41\{a}\\"; rf"\N{a}\{b}"; f"""a"{x}"'{y}\""""

f"{a!r}{b:>10}{c!s:{d}.{e}f}{a=}{ b = }{c=!s}{d=:>3}"; f'{a:%Y-{b}%m}'

f"""{
a
}{b
   +c}
 {d["x"]}{
 a, b }"""

f"{f'{a}' f'{b}'}{'x' 'y'}"; f"é{ü}ß" f"{é['ü']}"; "é", x.ü, f(é=ü); ﬁ.ﬁ = ﬁ(ﬁ=1)

f"{a, b}{*a, b}{(a, b)}{ a , }{(lambda x: x)}{a!=b}{a==b}{a>=b}{a if b else c}{ {1:2}[1] }{ {1} }"

match a:
    case 1 | -1 | 1+2j | -1.5-3j | "s" "t" | b"x" | None | True: pass
    case (a, b) | (c): pass
    case a, b: pass
    case a,: pass
    case [a, *_]: pass
    case (a, *b, c,): pass
    case [] | () | ((a | b) as c): pass
    case _ if (x): pass
    case 1 | (2) | (None) | (-1) | ("a") | (A.B) | (C()): pass
    case A.B | A.B.C(1, x, y=2, z=_,) | A(): pass
    case {} | {"a": 1, 1: b, A.B: c, -1: d, **rest}: pass
    case [1, [2, 3]], (4,): pass

match *a, (b): # c
    case {**rest}: pass

match = 1; match[a]; match(b); case = 2

x = (
    1
); ( # c
  a, # d
  b # e
); a\
.b; (a
 .b
 .c())
'''.strip("\n").split("\n\n")

NEWER = [  # code, the first Python that reads it, and the expressions in it that an older one is given
    ('f"{d["a"]} {x.y}"\n', (3, 12), ['f"{d["a"]} {x.y}"', 'd["a"]', "d", '"a"', "x.y", "x"]),
    (r"f'é{'\n'.join(z)}'", (3, 12), [r"f'é{'\n'.join(z)}'", r"'\n'.join(z)", r"'\n'.join", r"'\n'", "z"]),
    ('f"{  # }\n  a + b  # {\n}" "c"\n', (3, 12), ['f"{  # }\n  a + b  # {\n}" "c"', "a + b", "a", "b"]),
    ('f"{a}{f"{f"{b}"}"}"\n', (3, 12), ['f"{a}{f"{f"{b}"}"}"', "a", 'f"{f"{b}"}"', 'f"{b}"', "b"]),
    ('f"{a!r }{b!s  :x}"; y\n', (3, 12), ['f"{a!r }{b!s  :x}"', "a", "b", "y"]),
    ("type X = int\nf(x)\n", (3, 12), ["f(x)", "f", "x"]),
    ("def f[T: int](x: T) -> T: return x\n", (3, 12), ["T", "T", "x"]),
    ("class A[T](B): x = y\n", (3, 12), ["B", "x", "y"]),
    ("try: a\nexcept* A as e: b\n", (3, 11), ["a", "A", "b"]),
    ("x[*a, b]\n", (3, 11), ["x[*a, b]", "x", "*a, b", "*a", "a", "b"]),
    ("try: a\nexcept A, B: b\n", (3, 14), ["a", "A, B", "A", "B", "b"]),
    ("t'{x!r:>{w}}'; y\n", (3, 14), ["t'{x!r:>{w}}'", "x", "w", "y"]),
]
IN_FIELDS = [  # an f-string, and the expressions in it
    ('f"{{a}} {a}"', ["a"]),
    ('f"a {a} a {a}{a}"', ["a", "a", "a"]),
    ("f'{a.b(c)!r:>{w}}{ d = :{e}.{g}f}'", ["a.b(c)", "a.b", "a", "c", "w", "d", "e", "g"]),
    ("f'{a, b}{ (c, d) }{ e , }'", ["a, b", "a", "b", "(c, d)", "c", "d", "e ,", "e"]),
    ("f'{a != b}{c <= d}{e == g}'", ["a != b", "a", "b", "c <= d", "c", "d", "e == g", "e", "g"]),
    ("f'é{ü}é' f'é{\"é\"}{ö}'", ["ü", '"é"', "ö"]),
    ('f"""{\n  é +\nü}{\n (a), b\n}\\\n{c}"""', ["é +\nü", "é", "ü", "(a), b", "a", "b", "c"]),
    ("('a {a}'\n f'{a}' # f'{a}'\n  rf'\\{b}{{' \\\n 'é' F\"{c}\")", ["a", "b", "c"]),
    (r"f'\N{BULLET}{a}\{b}' fR'\N{c}'", ["a", "b", "c"]),
    ("f'''{f\"{'a' 'b'}{c[d]}\"}{e}'''", ["f\"{'a' 'b'}{c[d]}\"", "'a' 'b'", "c[d]", "c", "d", "e"]),
    ("f'''{\nf\"{a}\" f\"{b}\"\n}'''", ['f"{a}" f"{b}"', "a", "b"]),
    ("f'{d[\"}\"]}{ {a: b}[c:e] }'", ['d["}"]', "d", '"}"', "{a: b}[c:e]", "{a: b}", "a", "b", "c:e", "c", "e"]),
    ("f'{x(y=lambda: z)}'", ["x(y=lambda: z)", "x", "lambda: z", "z"]),
]


def dumped(tree: ast.Module) -> str:
    """The tree with all places, but for what Pythons differ in: the texts, fields and specs of f-strings.

    Before 3.12 those stand where the string does, or one of its parts; 3.12.1 puts empty texts among them; and of
    the texts of u"a" f"{b}c" some versions mark all with the u, some the first.
    """
    for string in ast.walk(tree):
        if isinstance(string, ast.JoinedStr):
            string.values = [part for part in string.values if getattr(part, "value", None) != ""]
            for part in string.values:
                for one in (part, getattr(part, "format_spec", None) or part):
                    one.lineno = one.col_offset = one.end_lineno = one.end_col_offset = 0
                if isinstance(part, ast.Constant):
                    part.kind = None
    return ast.dump(tree, include_attributes=True, indent=1)


def expressions(tree: ast.AST) -> Iterator[ast.expr]:
    """All of a tree, but for the texts, fields and specs of f-strings."""
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(node.values)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            inside.add(node.format_spec)
        if isinstance(node, ast.expr) and node not in inside:
            yield node


def segments(tree: ast.AST, text: str) -> list[str]:
    source = Source("x.py", text)
    return sorted(source.segment(node) for node in expressions(tree))


@pytest.mark.parametrize("text", SNIPPETS)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_every_kind_of_node_is_as_python_has_it(text: str, newline: str) -> None:
    for code in (text, text + "\n", "if é:\n" + textwrap.indent(text, "\t") + "\n"):
        code = code.replace("\n", newline)
        assert dumped(lowered(libcst.parse_module(code), code)) == dumped(_python(code))


def test_the_snippets_have_every_kind_of_node() -> None:
    kinds = {type(node) for text in SNIPPETS for node in ast.walk(_python(text))}
    bases = (ast.stmt, ast.expr, ast.pattern, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
    missing = {kind.__name__ for base in bases for kind in base.__subclasses__() if kind not in kinds}
    assert missing <= {"TryStar", "TypeAlias", "TemplateStr", "Interpolation", "AugLoad", "AugStore", "Param"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_as_python_has_it(path: Path) -> None:
    text = path.read_text("utf-8")
    assert dumped(lowered(libcst.parse_module(text), text)) == dumped(_python(text))


@pytest.mark.parametrize("text, since, expected", NEWER, ids=[text for text, *_ in NEWER])
def test_newer_syntax_is_read_with_its_places(text: str, since: tuple[int, int], expected: list[str]) -> None:
    for tree in (parse(text), lowered(libcst.parse_module(text), text)):
        if sys.version_info < since:
            assert segments(tree, text) == sorted(expected)
        else:  # with aliases and type parameters
            assert not Counter(expected) - Counter(segments(tree, text))


def test_newer_syntax_gets_the_nearest_node() -> None:
    text = "type X = int\ntry: a\nexcept* B: c\ndef f[T](): pass\nt'{x}{{'\n"
    alias, trial, function, string = lowered(libcst.parse_module(text), text).body
    assert type(alias) is getattr(ast, "TypeAlias", ast.Pass)
    assert type(trial) is getattr(ast, "TryStar", ast.Try)
    assert isinstance(function, ast.FunctionDef) and function.name == "f"
    assert type(string.value).__name__ == "TemplateStr"  # no text: whoever reads it says that it does not know it
    assert ast.unparse(string.value.values[0].value) == "x" and string.value.values[1].value == "{"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the running Python has no type parameters")
@pytest.mark.parametrize(
    "text", ["type X[T: (int), *Ts, **P] = T\n", "class A[T: (int, str)](B): pass\n", "async def f[T,](): pass\n"]
)
def test_type_parameters_are_as_python_has_them(text: str) -> None:
    assert dumped(lowered(libcst.parse_module(text), text)) == dumped(_python(text))


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
def test_what_libcst_reads_and_no_python_does_is_an_error(code: str, words: str) -> None:
    """In Python's own words, at its place."""
    with pytest.raises(SourceError) as caught:
        parse(f"a = 1\n{code}\n")
    assert words in caught.value.message and caught.value.span.row >= 2


@pytest.mark.parametrize("text, expected", IN_FIELDS, ids=[text for text, _ in IN_FIELDS])
@pytest.mark.parametrize("before", ["", "é = 'é'; x = ", "@d\ndef f():\n    if é: return g, "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_code_in_an_f_string_stands_where_it_is_written(
    text: str, expected: list[str], before: str, newline: str
) -> None:
    code = (before + text + "\n").replace("\n", newline)
    tree = _python(code)
    outermost = next(node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    assert Source("x.py", code).segment(outermost) == text.strip("()").replace("\n", newline)
    inside = Counter(segments(outermost, code)) - Counter([Source("x.py", code).segment(outermost)])
    assert inside == Counter(part.replace("\n", newline) for part in expected)


@pytest.mark.parametrize(
    "text", ["@f'{a}'\ndef f(): pass\n", "class A(k=f'{a}'): pass\n", "def f(*, b: f'{c}' = f'{a}'): pass\n"]
)
def test_f_strings_are_found_wherever_they_stand(text: str) -> None:
    assert "a" in segments(_python(text), text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("x = f'{a}  b.c '\n", ["f'{a}  b.c '"] * 4),  # fewer fields
        ("x = f'{a} {b c}'\n", ["a", *["f'{a} {b c}'"] * 3]),  # no expression
        ("x = f'{a} {b+c}'\n", ["a", *["f'{a} {b+c}'"] * 3]),  # another one
        ("x = f'{a} {b.c} \n", ["f'{a} {b.c} "] * 4),  # no end
    ],
)
def test_what_is_not_found_again_stands_where_the_string_does(text: str, expected: list[str]) -> None:
    tree = ast.parse("x = f'{a} {b.c}'\n")
    place_fields(tree, text)
    assert segments(tree.body[0].value, text) == sorted(expected)  # type: ignore[attr-defined]
