"""Requests in comments: what they silence, over which rows, and which comments are none."""

from __future__ import annotations

import io
import json
import tokenize
from pathlib import Path

import pytest

from nl2sql_review.judgement import requests
from nl2sql_review.judgement.requests import Suppression
from nl2sql_review.source import Source
from nl2sql_review.source.lexer import Lexer
from nl2sql_review.source.spans import Lines
from tests.source.test_source import script

ROOT = Path(__file__).parents[2]


def only(text: str) -> Suppression:
    source = script(text)
    assert not requests.read(source).errors
    (found,) = requests.read(source).suppressions
    return found


@pytest.mark.parametrize(
    ("comment", "rules", "reason"),
    [
        ("# nl2sql: ignore[lora/rank] tried both", ("lora/rank",), "tried both"),
        ("# nl2sql: ignore[lora/rank, prompt/eos]", ("lora/rank", "prompt/eos"), ""),
        ("# nl2sql: ignore[lora]", ("lora",), ""),
        ("# nl2sql: ignore", (), ""),
        ("# nl2sql: ignore we know", (), "we know"),
        ("#nl2sql:ignore[lora/rank]: as in the paper", ("lora/rank",), "as in the paper"),
        ("# nl2sql: ignore[lora/rank] why  # noqa: E501", ("lora/rank",), "why"),
        ("# noqa: E501  # nl2sql: ignore[lora/rank] why", ("lora/rank",), "why"),
        ("# nl2sql: ignore[ lora/rank ,] – über alles", ("lora/rank",), "über alles"),
    ],
)
def test_rules_and_reason(comment, rules, reason):
    found = only(f"f(r=64)  {comment}\n")
    assert (found.rules, found.reason, found.file_level) == (rules, reason, False)


@pytest.mark.parametrize(
    ("text", "row", "first", "last"),
    [
        ("x = 1\nf(2)  # nl2sql: ignore\ny = 3\n", 2, 2, 2),
        ("f(\n    a,\n    r=64,  # nl2sql: ignore\n    b,\n)\n", 3, 1, 5),
        ("f(\n    a,\n    # nl2sql: ignore\n    r=64,\n)\n", 3, 1, 5),
        ("f(\n    a,\n)  # nl2sql: ignore\n", 3, 1, 3),
        ("x = '''\n\n'''  # nl2sql: ignore\n", 3, 1, 3),
        ("x = a \\\n  + b  # nl2sql: ignore\n", 2, 1, 2),
        ("# nl2sql: ignore\n\n# more\nf(\n    1)\ng(2)\n", 1, 4, 5),
        ("def f():\n    # nl2sql: ignore\n    g(\n1)\n", 2, 3, 4),
        ("def f(a,\n      r=64):  # nl2sql: ignore\n    g(1)\n", 2, 1, 2),
        ("if x: f(1)  # nl2sql: ignore\n", 1, 1, 1),
        ("# nl2sql: ignore\n@a(\n1)\n@b\ndef f(\n  x):\n    pass\n", 1, 2, 6),
        ("f(1)\n# nl2sql: ignore\n", 2, 2, 2),
        ("f(1)\r\ng(\r\n2)  # nl2sql: ignore\r\n", 3, 2, 3),
        ("f(1)  # nl2sql: ignore", 1, 1, 1),
    ],
)
def test_it_holds_for_its_statement_or_the_next(text, row, first, last):
    found = only(text)
    assert (found.row, found.first_row, found.last_row) == (row, first, last)


def test_its_place_is_that_of_the_request():
    found = only("f('ü')  # noqa  # nl2sql: ignore\n")
    assert (found.row, found.column, found.cell) == (1, 17, None)


def test_file_level():
    found = only('"""doc"""\nx = 1\n# nl2sql: ignore-file[lora, prompt/eos] a copy\n')
    assert found.file_level and found.rules == ("lora", "prompt/eos") and found.reason == "a copy"
    assert found.row == 3


@pytest.mark.parametrize(
    "text",
    [
        'x = "# nl2sql: ignore"\n',
        '"""\n# nl2sql: ignore\n"""\n',
        "x = '''\n  f() # nl2sql: ignore[lora/rank]\n'''\n",
        "x = f'{a} # nl2sql: ignore'\n",
        "x = 'it\\'s # nl2sql: ignore'\n",
        "# the comment nl2sql: ignore is not one\n",
        "x = 1  # see nl2sql-review\n",
    ],
)
def test_only_comments_ask(text):
    source = script(text)
    assert (requests.read(source).suppressions, requests.read(source).errors) == ([], [])


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("# nl2sql: ignore[lora/rank", "not closed"),
        ("# nl2sql: ignore[", "not closed"),
        ("# nl2sql: ignore[]", "no rule"),
        ("# nl2sql: ignore[ , ]", "no rule"),
        ("# nl2sql: ignore-file[]", "no rule"),
        ("# nl2sql: ignore[Lora Rank]", "'Lora Rank'"),
        ("# nl2sql: ignore[lora/rank/x]", "'lora/rank/x'"),
        ("# nl2sql: ignroe[lora/rank]", "'ignroe'"),
        ("# nl2sql: lora/rank", "'lora'"),
        ("# nl2sql:", "''"),
        ("# nl2sql: ignore(lora/rank)", "ignore(lora/rank)"),
    ],
)
def test_what_cannot_be_understood_silences_nothing_and_is_told(comment, words):
    source = script(f"x = 1\ny = f(2)  {comment}\n")
    assert requests.read(source).suppressions == []
    (error,) = requests.read(source).errors
    assert words in error.message
    assert (error.span.row, error.span.column, error.span.end_column) == (2, 11, 11 + len(comment))


def test_requests_in_notebooks():
    cells = [
        {"cell_type": "markdown", "source": "# nl2sql: ignore"},
        {
            "cell_type": "code",
            "source": "!echo # nl2sql: ignore\nf(\n  1)  # nl2sql: ignore[lora]\n# nl2sql: ignore last",
        },
        {"cell_type": "code", "source": "g(1)\n    h(2)  # nl2sql: ignore[prompt]"},
        {"cell_type": "code", "source": "\n# nl2sql: ignore-file[api]\n# nl2sql: ignore[]\n# gpu: T4"},
    ]
    source = Source.from_bytes(json.dumps({"cells": cells}).encode(), "train.ipynb")
    assert requests.read(source).suppressions == [
        Suppression(("lora",), "", 3, 7, 2, 2, 3, False),
        Suppression((), "last", 4, 1, 2, 4, 4, False),
        Suppression(("api",), "", 2, 1, 4, 2, 2, True),
    ]
    assert [(error.span.cell, error.span.row) for error in requests.read(source).errors] == [(4, 3)]
    assert source.directives == {"gpu": "T4"}


@pytest.mark.parametrize(
    ("text", "gpu"),
    [
        ("# gpu: 16GB\n", "16GB"),
        ("import x\n  # gpu:24 GB  # the small one\n", "24 GB"),
        ("# gpu: 16GB\n# gpu: 24GB\n", "16GB"),
        ("x = 1  # gpu: what runs here\n", None),
        ("s = '''\n# gpu: 16GB\n'''\n", None),
        ("# gpu:\n", None),
        ("# GPU: see above\n", None),
    ],
)
def test_gpu(text, gpu):
    assert script(text).directives.get("gpu") == gpu


@pytest.mark.parametrize(
    ("text", "processes"),
    [
        ("# processes: 2\n", "2"),
        ("# gpu: T4\n# processes: 4  # one a card\n", "4"),
        ("# processes: the rows of a batch\n", None),
        ("# processes: 2 rows at a time\n", None),
        ("# processes: 0\n", None),
        ("x = 1  # processes: 2\n", None),
    ],
)
def test_processes(text, processes):
    assert script(text).directives.get("processes") == processes


# The outline under all this, against Python's own tokenizer


def test_comments_and_logical_lines_are_pythons():
    paths = [*ROOT.glob("nl2sql_review/source/*.py"), *ROOT.glob("tests/source/*.py"), Path(tokenize.__file__)]
    for path in paths:
        text = path.read_bytes().decode()
        comments, logical, first = [], [], 0
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments.append((token.start[0], token.start[1] + 1, token.string))
            elif token.type == tokenize.NEWLINE:
                logical.append((first, token.start[0]))
                first = 0
            elif not first and token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
                first = token.start[0]
        outline = Lexer(Lines(text)).run()
        assert outline.fault is None
        assert [comment[:3] for comment in outline.comments] == comments, path
        assert outline.logical == logical, path


@pytest.mark.parametrize(
    "text",
    [
        "f'{a['b']}#' # c",
        "f'{f'{f\"{1}#\"}#'}#' # c",
        "f'{x:{w}#>{p}}#' # c",
        "f'{{#}}' # c",
        "f'{{{x}#}}' # c",
        "f'\\N{DASH}#{x}' # c",
        "f'{x!r:#}' # c",
        "rf'\\{x}#' # c",
        "f'''\n{\nx # c\n}#'''",
        "f'''{x:\n#}''' # c",
        "t'{x}#' # c",
        "Rb'#' # c",
        "f'{lambda_[x:y]}#' # c",
        "f'{(lambda x: 1)}#' # c",
        "'\\\n#' # c",
        "'\\\\' # c",
        "'''\\'''#''' # c",
    ],
)
def test_comments_beside_strings_of_every_kind(text):
    outline = Lexer(Lines(text)).run()
    assert [comment.text for comment in outline.comments] == ["# c"] and outline.fault is None
