"""Changed datasets that nothing takes: what a call is made for decides whether that is a fault."""

from __future__ import annotations

import pytest

from .test_reading_kinds import ROWS, TRAIN, plan_of

FRAME = "import pandas as pd\ndf = pd.read_csv('t.csv')\ndf.dropna({given})\n{after}\n"


def found(code: str) -> int:
    return len(plan_of(ROWS + code + "\n" + TRAIN).dataset.dropped_results.value.value)


@pytest.mark.parametrize(
    "code",
    [
        "rows.shuffle(seed=42)",
        "if len(rows) > 5:\n    rows.select(range(5))",
        "def f(r):\n    r['text'] = r['q']\n    return r\nrows.map(f)",
        "def f(r):\n    out = []\n    for x in r['q']:\n        out.append(x)\n    return {'text': out}\nrows.map(f)",
        "def f(r):\n    return r['q'] != '-'\nrows.filter(f)",
        FRAME.format(given="", after="# In the end\nx = 1"),
    ],
)
def test_a_call_made_for_its_rows_is_reported(code):
    assert found(code) == 1


@pytest.mark.parametrize(
    "code",
    [
        "rows.shuffle(seed=1).to_json('x')",
        "seen = set()\ndef f(r):\n    seen.add(r['q'])\n    return r\nrows.map(f)",
        "count = {}\ndef f(r):\n    count[r['q']] = 1\n    return True\nrows.filter(f)",
        "def f(r):\n    r['image'].save('x')\n    return r\nrows.map(f)",
        "def f(r):\n    with open('x', 'a') as file:\n        file.write(r['q'])\n    return r\nrows.map(f)",
        FRAME.format(given="**json.load(open('x'))", after=""),
        FRAME.format(given="", after="\n# In[9]:\nx = 1"),
        FRAME.format(given="", after="\n# %%\nx = 1"),
    ],
)
def test_a_call_made_for_something_else_is_not(code):
    assert found("import json\n" + code) == 0
