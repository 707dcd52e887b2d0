"""Outside an edit every byte stays: line ends, marks, encodings, tabs, and the layout of a notebook's JSON."""

from __future__ import annotations

import json

import pytest

from nl2sql_review.fixes.edits import EditError, applied
from nl2sql_review.report.report import Edit, Location

from .repair import IMPORTS, session

SCRIPT = IMPORTS + (
    'model, tokenizer = FastLanguageModel.from_pretrained("x")   \n'
    "model = FastLanguageModel.get_peft_model(\n\tmodel,\t# größe\n\tr=64,\n\tlora_alpha=16,\n)\n"
)


def fixed(data, path="train.py"):
    one = session(data, path, select=["lora/rank"])
    one.apply(unsafe=False)
    assert [f.rule for f in one.made] == ["lora/rank"]
    return one.data


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1"),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("\tr=", "\t\fr=").encode(),
        lambda text: text.replace("model, tok", "\x0cmodel, tok").encode(),
    ],
    ids=["plain", "crlf", "cr", "bom", "latin-1", "no newline at the end", "form feed", "form feed before a line"],
)
def test_a_script(encode):
    assert fixed(encode(SCRIPT)) == encode(SCRIPT.replace("r=64", "r=16"))


def notebook(source, **layout):
    cells = [
        {"cell_type": "markdown", "id": "é", "metadata": {}, "source": ["r=64\n", "text"]},
        {
            "cell_type": "code", "execution_count": 3, "id": "b", "metadata": {"x": 1.50},
            "outputs": [{"text": "r=64 \u2028"}], "source": source,
        },
        {"cell_type": "code", "id": "c", "metadata": {}, "outputs": [], "source": []},
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, **layout)


LAYOUTS = [
    {"indent": 1, "ensure_ascii": False},
    {"indent": "\t"},
    {"separators": (",", ":")},
    {"indent": 4, "sort_keys": True},
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("magic", ["", "!pip install x\n", "%%time\n"])
def test_a_notebook(layout, as_list, magic):
    before, after = (magic + text for text in (SCRIPT, SCRIPT.replace("r=64", "r=16")))
    one, two = (notebook(t.splitlines(keepends=True) if as_list else t, **layout) + "\n" for t in (before, after))
    assert fixed(one.encode(), "train.ipynb").decode() == two


CELLS = ["a = 1\n", 'b = "\\u00e9\\t\U0001f600"\n', "c = 3"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize(
    ("span", "content"),
    [
        ((1, 6, 1, 6), "\nx = 2"),
        ((2, 12, 2, 13), "y"),
        ((1, 1, 2, 1), ""),
        ((1, 1, 4, 1), ""),
        ((2, 1, 3, 6), ""),
        ((3, 6, 3, 6), '\nd = "\\n é"'),
        ((1, 1, 1, 1), "import x\n"),
        ((1, 6, 3, 1), "\n\n\n"),
    ],
)
def test_edits_of_a_cell_are_those_of_its_text(layout, as_list, span, content):
    """The JSON reads as if the text had been edited, and what surrounds the cell's source is what it was."""
    text = "".join(CELLS) + "\n"
    before = notebook(text.splitlines(keepends=True) if as_list else text, **layout)
    edits = [Edit(Location("train.py", *span), content)]
    wanted = applied(text.encode(), "train.py", edits).decode()
    edits = [Edit(Location("train.ipynb", *span, 2), content)]
    after = applied(before.encode(), "train.ipynb", edits).decode()
    lines = wanted.splitlines(keepends=True)
    expected = notebook(lines if as_list else wanted, **layout)
    assert json.loads(after) == json.loads(expected)
    if json.dumps("é") not in after or "ensure_ascii" in layout:
        assert after == expected or not wanted


def test_edits_that_cannot_be_made():
    for edits in (
        [Edit(Location("a.py", 1, 1, 1, 3), ""), Edit(Location("a.py", 1, 2, 1, 4), "")],
        [Edit(Location("a.py", 9, 1, 9, 1), "")],
        [Edit(Location("a.py", 1, 50, 1, 51), "")],
        [Edit(Location("a.py", 2, 1, 2, 1), "\u4e2d")],
    ):
        with pytest.raises(EditError):
            applied("# coding: latin-1\nx = 'é'\n".encode("latin-1"), "a.py", edits)
