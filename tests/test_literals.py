"""What literals stand for: as Python evaluates them, and nothing that is none."""

from __future__ import annotations

import ast

import pytest

from nl2sql_review.source.literals import evaluated, expression, is_variable, literal

VALUES = (
    "None True False ... 1 0x1_0 1e-5 2j -1 +1.5 -2j 1+2j -1.5-2j 'a' \"it's\" r'\\d' '\\n\\x41' b'\\xff' u'é' '\\d' "
    "() (1,) (1) [] {} {1} set() "
    "[1,[2,(3,)]] {'a':{'b':None}} {**{}} {*()} [*a] a a.b f(1) f'a' 'a'f'b' 1+1 1j+1 True+1j -True --1 not(1) "
    "1if(1)else(2) '\\x' {[]:1} 'a'b'b'"
).split()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "text", [*VALUES, "'a' \"b\"", "b'a' b'b'", "('a'\n'b')", "1;", "1; 2", "1\n2", "x = 1", "", "(", " \t1 ", "# 1"]
)
def test_a_literal_is_what_python_evaluates(text: str) -> None:
    try:
        wanted = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        with pytest.raises(ValueError):
            literal(text)
    else:
        assert repr(literal(text)) == repr(wanted)


def test_what_is_deeper_than_is_read_is_no_literal() -> None:
    with pytest.raises(ValueError, match="brackets"):
        literal("[" * 5000 + "]" * 5000)


@pytest.mark.parametrize(("text", "wanted"), [("a", True), ("None", False), ("a.b", False)])
def test_constants_are_no_variables(text: str, wanted: bool) -> None:
    assert is_variable(expression(text)) is wanted
    if text == "None":
        assert evaluated(expression(text)) is None
