"""Notebooks: what is read of them, what is replaced, and that everything else stays where it was."""

from __future__ import annotations

import json

import libcst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nl2sql_review.fixes.edits.stored import StoredCells
from nl2sql_review.source import Source, SourceError, Span
from tests.source.test_source import calls, cut, failure, place


def notebook(*cells: str | tuple[str, str], **document) -> Source:
    """Of code cells, or (type, text) for another type."""
    made = [("code", cell) if isinstance(cell, str) else cell for cell in cells]
    document.setdefault("cells", [{"cell_type": kind, "source": text, "metadata": {}} for kind, text in made])
    return Source.from_bytes(json.dumps({"nbformat": 4, "metadata": {}, **document}).encode(), "train.ipynb")


def read(*cells: str) -> str:
    """The Python that is left of the cells."""
    source = notebook(*cells)
    _ = source.tree
    return source.text


def test_cells_are_one_program_and_places_are_by_cell():
    source = notebook(("markdown", "# title\n\n"), "r = 16\n", ("raw", "x"), "model = f(\n    r)\n", "g(r)")
    assert source.kind == "notebook"
    assert source.text == "r = 16\n\nmodel = f(\n    r)\n\ng(r)"
    first, second = calls(source)
    assert source.span(first) == Span(1, 9, 2, 7, 4)
    assert source.span(second) == Span(1, 1, 1, 5, 5)
    assert source.line(1, 4) == "model = f("
    assert source.line(9, 4) == source.line(1, 99) == source.line(1) == ""
    assert source.excerpt(first) == source.excerpt(source.span(first)) == "f(r)"


def test_list_sources_line_ends_and_empty_cells():
    cells = [
        {"cell_type": "code", "source": []},
        {"cell_type": "code", "source": ["a = 1\r\n", "f(a)\r"]},
        {"cell_type": "code", "source": ""},
        {"cell_type": "code"},
        {"cell_type": "code", "source": None},
        "nonsense",
        {"cell_type": "code", "source": ["g(1)", 7]},
    ]
    source = notebook(cells=cells)
    assert [source.span(call) for call in calls(source)] == [Span(2, 1, 2, 5, 2), Span(1, 1, 1, 5, 7)]


def test_format_3():
    sheet = {"cells": [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "input": ["f(1)\n"]}]}
    source = Source.from_bytes(json.dumps({"nbformat": 3, "worksheets": [sheet]}).encode(), "old.ipynb")
    assert source.span(calls(source)[0]) == Span(1, 1, 1, 5, 2)


@pytest.mark.parametrize("cells", [[], [{"cell_type": "markdown", "source": "f(1)"}]])
def test_a_notebook_without_code_is_an_empty_program(cells):
    source = notebook(cells=cells)
    assert (list(source.tree.body), source.text, source.requests, source.problems) == ([], "", [], [])


@pytest.mark.parametrize("metadata", [{"kernelspec": {"language": "R"}}, {"language_info": {"name": "julia"}}])
def test_other_languages_are_not_read(metadata):
    assert notebook("f(1) <- 2", metadata=metadata).tree.body == ()


def test_a_cell_of_another_language_is_not_read():
    cells = [
        {"cell_type": "code", "source": "select * from x", "metadata": {"vscode": {"languageId": "sql"}}},
        {"cell_type": "code", "source": "f(1)", "metadata": {"vscode": {"languageId": "python"}}},
    ]
    source = notebook(cells=cells)
    assert source.span(calls(source)[0]).cell == 2 and not source.problems


# Bad files


@pytest.mark.parametrize(
    ("text", "rule", "row", "column"),
    [
        ("", "file/syntax", 1, 1),
        ('{\n  "cells": [,\n}', "file/syntax", 2, 13),
        ('{"cells": []} x', "file/syntax", 1, 15),
        ("[" * 100_000, "file/syntax", 1, 100_000),
        ('{"cells": ' + "9" * 10_000 + "}", "file/syntax", 1, 1),
        ("[]", "file/unreadable", 1, 1),
        ('{"metadata": {}}', "file/unreadable", 1, 1),
        ('{"cells": {"a": 1}}', "file/unreadable", 1, 1),
        ('{"cells":\n "\x00"}', "file/unreadable", 2, 3),
    ],
)
def test_broken_notebooks(text, rule, row, column):
    error = failure(text, "broken.ipynb")
    assert place(error) == (rule, row, column), error.message
    assert error.message and "\n" not in error.message


def test_undecodable_notebook():
    assert place(failure(b'{"cells":\n "\xff"}', "broken.ipynb")) == ("file/unreadable", 2, 3)


def test_a_byte_order_mark_before_the_json():
    data = b"\xef\xbb\xbf" + json.dumps({"cells": [{"cell_type": "code", "source": "f(1)"}]}).encode()
    assert len(calls(Source.from_bytes(data, "a.IPYNB"))) == 1


# Magics


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("!pip install trl==0.12", "pass"),
        ("!!ls", "pass"),
        ("%env WANDB_PROJECT=a", "pass"),
        ("%pip install 'trl' # it's", "pass"),
        ("if x:\n    !ls\n    y = 1", "if x:\n    pass\n    y = 1"),
        ("if x:\n\t%cd a\nelse:\n\t!ls", "if x:\n\tpass\nelse:\n\tpass"),
        ("!pip install \\\n   trl \\\n   peft\nx = 1", "pass\n\n\nx = 1"),
        ("!ls \\", "pass"),
        ("files = !ls -l it's", "files = __magic__"),
        ("a, b.c = %sql select '", "a, b.c = __magic__"),
        ("x = !ls \\\n  -l\ny = 1", "x = __magic__\n\ny = 1"),
        ("model?", "pass"),
        ("  model.train??", "pass"),
        ("?model", "pass"),
        ("??a.b", "pass"),
        ("%time trainer.train()", "pass; trainer.train()"),
        ("%time  x = f(\n  1)", "pass;  x = f(\n  1)"),
        ("%time", "pass"),
        ("%timeit -n 3 f()", "pass"),
        ("pip install -q trl", "pass"),
        ("cp -r /kaggle/input/a/out /kaggle/working/\n", "pass\n"),
        ("\n  rm -rf out", "\npass"),
        ("ls -la", "pass"),
        ("%%capture\nx = 1", "\nx = 1"),
        ("\n# note\n%%capture out\n!ls\nx = 1", "\n# note\n\npass\nx = 1"),
        ("%%capture\n%%time\nx = 1", "\n\nx = 1"),
        ("%%bash\nif x:\n!", "\n\n"),
        ("%%writefile a.py\nx = 1", "\n"),
        ("%sql\nselect 1", "\n"),
        ("x = 1\n%%time", "x = 1\npass"),
    ],
)
def test_magics_are_replaced_where_they_stand(cell, left):
    source = notebook("before = 1", cell, "after = 2")
    assert not source.problems
    assert source.text == f"before = 1\n{left}\nafter = 2"


@pytest.mark.parametrize(
    "cell",
    [
        's = """\n!ls\n%cd x\nmodel?\n"""',
        "s = f'''{a}\n!ls {b!r}\n''' \\\n  % x",
        "x = (a\n  % b\n)",
        "x = a \\\n  % b",
        "s = 'a\\\n!ls'",
        'f(\n"""\n%%time\n""")',
        "x = a % b",
        "cat in cats",
        "cp = 2",
        "ls -  la",
        "x %= 2",
        "a != b",
        "# !ls\n# x?",
        "x = 'what?'",
        "x = '''a'''  # don't\ny = 'it' \"'\"\n",
        "x = {  # %\n 'a': 1,\n}",
    ],
)
def test_python_is_not_taken_for_magics(cell):
    source = notebook(cell)
    assert source.text == cell and not source.magics and not source.problems


def test_magics_are_kept_as_written():
    source = notebook(
        ("markdown", ""), "%%capture\n  !pip install \\\n    trl==0.12\nx = %env A", "%%bash\npip install peft\n"
    )
    assert source.magics == [
        (2, 1, "%%capture"),
        (2, 2, "!pip install \\\n    trl==0.12"),
        (2, 4, "x = %env A"),
        (3, 1, "%%bash\npip install peft\n"),
    ]
    assert source.line(2, 2) == "  !pip install \\"


def test_an_indented_cell_is_read_and_its_columns_are_those_of_the_file():
    source = notebook("    x = f(1)\n\n    if x:\n        g(\n2)\n")
    assert [source.span(call) for call in calls(source)] == [Span(1, 9, 1, 13, 1), Span(4, 9, 5, 3, 1)]
    assert [cut(source, source.span(call)) for call in calls(source)] == ["f(1)", "g(\n2)"]


# Cells that are not Python


@pytest.mark.parametrize(
    ("cell", "row", "column"),
    [
        ("x = 1\ny = = 2", 2, 5),
        ("f(1", 1, 2),
        ("x = '''", 1, 5),
        ("x = 1 \\", 1, None),
        ("else:\n    pass", 1, None),
        ("if x:", 1, None),
        ("    x = 1\n    y = = 2", 2, 9),
        ("x = '\ud800'", 1, 6),
        ("x = \0", 1, None),
        ("x = " + "(" * 3000, 1, 205),
    ],
)
def test_a_cell_that_is_not_python_is_left_out_and_named(cell, row, column):
    source = notebook("before(1)", cell, "    \n", "after(2)")
    assert [source.span(call) for call in calls(source)] == [Span(1, 1, 1, 10, 1), Span(1, 1, 1, 9, 4)]
    (problem,) = source.problems
    assert (problem.rule, problem.span.cell, problem.span.row) == ("file/syntax", 2, row)
    assert column is None or problem.span.column == column


def test_one_cell_does_not_end_in_the_next():
    source = notebook("x = (1", "2)", 's = """', '"""', "if x:", "    y = 1", "f(1)")
    assert [problem.span.cell for problem in source.problems] == [1, 2, 3, 4, 5]
    assert len(calls(source)) == 1


def test_problems_do_not_need_the_tree_first():
    assert len(notebook("x = = 1").problems) == 1
    assert notebook("x = = 1", "# nl2sql: ignore\ny = 1").requests[0].cell == 2


def test_each_cell_may_import_from_the_future():
    assert notebook("x = 1", "from __future__ import annotations\ny: X = f(2)").problems == []


def test_awaiting_at_the_top_of_a_cell():
    assert notebook("await f(1)\nasync for x in y: pass").problems == []


# Everything else stays where it was

PYTHON = [
    "x = f(1)",
    "if x:\n    y = g(2)\n",
    's = """\n!ls\n"""',
    "def h(a,\n      b):\n    return k(3)",
    "# c",
    "",
    "\n\n",
]
NOT_PYTHON = ["!ls it's", "%cd a", "z = !ls '", "model?", "!pip \\\n  install \\\n  x", "  %pwd", "%time p(4)"]
CELL_MAGICS = ["%%capture\n", "%%time\n%%capture x\n", "\n%%time\n", "%%bash\n", ""]
pieces = st.lists(st.sampled_from(PYTHON + NOT_PYTHON), max_size=6).map("\n".join)
code_cells = st.tuples(st.sampled_from(CELL_MAGICS), pieces).map("".join)
cells = st.lists(st.one_of(code_cells, st.tuples(st.just("markdown"), pieces), st.text(max_size=20)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(cells)
def test_rows_and_columns_stay(made):
    source = notebook(*made)
    texts = [(number, cell) for number, cell in enumerate(made, 1) if isinstance(cell, str)]
    rows = source.text.split("\n")
    original = [row for _, cell in texts for row in cell.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    assert len(rows) == max(len(original), 1)
    try:
        found = calls(source)
    except SourceError:
        pytest.fail("other cells must still be read")
    source.locate(found)
    for call in found:
        span = source.span(call)
        assert cut(source, span) == source.segment(call) == libcst.Module([]).code_for_node(call)
        assert source.line(span.row, span.cell) in made[span.cell - 1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(PYTHON), max_size=4), st.integers(0, 3), st.sampled_from(["f((", "x = = 1", "'''", "}"])
)
def test_a_bad_cell_takes_no_other_with_it(good, position, bad):
    made = [*good[:position], bad, *good[position:]]
    source = notebook(*made)
    assert [problem.span.cell for problem in source.problems] == [min(position, len(good)) + 1]
    assert len(calls(source)) == len(calls(notebook(*good)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["a.py", "a.ipynb"]))
def test_any_bytes_are_read_or_refused(data, path):
    try:
        source = Source.from_bytes(data, path)
        _ = source.tree, source.requests, source.problems
    except SourceError as error:
        assert error.span.row >= 1 and error.span.column >= 1 and error.message


# -- places in the file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 1, 2])
@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("version", [3, 4])
def test_places_in_the_json(indent, ascii, version):
    sources = [
        ["# Training"],
        'x = "a\\tb\\n"  # é \U0001f600 "quoted"\r\ny = {"source": [1, 2]}',
        ["a = 1\n", "b = \\\n", "    2\n"],
        "",
        ["model = get(\n    r=64,\n", ")"],
    ]
    key = "source" if version == 4 else "input"
    cells = [
        {"cell_type": "code", "metadata": {key: "no code", "x": [{key: ["no"]}]}, key: source, "outputs": [{key: "no"}]}
        for source in sources
    ]
    cells[0]["cell_type"] = "markdown"
    if version == 3:
        document = {"worksheets": [{"cells": cells[:2]}, {"cells": []}, {"cells": cells[2:]}], "nbformat": 3}
    else:
        document = {"metadata": {"cells": [{key: "no"}]}, "cells": cells, "nbformat": 4}
    text = json.dumps(document, indent=indent, ensure_ascii=ascii)
    stored = StoredCells(text)
    source = Source("nb.ipynb", text)
    seen = 0
    for number, row, line in source.rows():
        for start in range(len(line)):
            for end in range(start + 1, len(line) + 1):
                at = stored.span(Span(row, start + 1, row, end + 1, number))
                first = stored.lines.starts[at.row - 1] + at.column - 1
                last = stored.lines.starts[at.end_row - 1] + at.end_column - 1
                assert json.loads(f'"{text[first:last]}"') == line[start:end]
                seen += 1
    assert seen > 100
    assert stored.span(Span(9, 1, 9, 2, 2)) is None and stored.span(Span(1, 1, 1, 2, 99)) is None
