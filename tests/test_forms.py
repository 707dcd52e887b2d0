"""Everything that may happen to a value, one small script each: `tests/forms/<topic>.md`, as `pages.py` reads it.

The interpreter says what the page reveals, a run of the script shows that this is true, and whatever else the
interpreter claims of the script, too.
"""

from __future__ import annotations

import ast
import functools
import os
from pathlib import Path
from typing import Callable

import pytest

from . import pages
from .claims import contradictions, describe, explain, interpreted, site
from .rehearsal import encode, perform

PAGES = sorted((Path(__file__).parent / "forms").glob("*.md"))
FORMS = {form.name: (page, form) for page in PAGES for form in pages.read(page)}
OPEN = {"unknown", "term", "text", "object", "absent"}
CALLEE = "FastLanguageModel.get_peft_model"
Written = Callable[[str], "tuple[pages.Form, Path, Path]"]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Writes a form into a folder of its own, once: the form, its script, its folder."""
    top = tmp_path_factory.mktemp("forms")

    @functools.cache
    def write(name: str) -> tuple[pages.Form, Path, Path]:
        form = FORMS[name][1]
        return form, form.write(top / name), top / name

    return write


def holds(claim: str, plain: list, other: list) -> bool:
    """Whether a claim about one call is true of what the two runs passed there (an empty list: not reached)."""
    kind, _, text = claim.partition(" ")
    if kind == "known":
        return all(_same(text, value) for value in [*plain, *other])
    if kind == "default":
        return all(_same(text, value) for value in plain)
    if kind == "either":
        return all(any(_same(word, value) for word in text.split()) for value in [*plain, *other])
    return True


def _same(text: str, recorded: object) -> bool:
    value = encode(ast.literal_eval(text))
    return type(value) is type(recorded) and value == recorded


def matches(said: list[str], claims: list[str]) -> bool:
    return len(said) == len(claims) and all(s == c or (c == "unknown" and is_open(s)) for s, c in zip(said, claims))


def is_open(said: str) -> bool:
    """Whether a description claims no value at all, or leaves one branch without."""
    kind, _, options = said.partition(" ")
    return kind in OPEN or (kind == "either" and any(option in OPEN for option in options.split()))


@pytest.mark.parametrize("name", FORMS)
def test_the_interpreter_says_what_is_revealed(name: str, written: Written) -> None:
    form, script, root = written(name)
    recording = interpreted(script, root)
    calls = recording.named(CALLEE)
    said = [call.get("r") for call in calls]
    at = f"{FORMS[name][0]}:{form.line}"
    assert any(matches([*map(describe, said)], claims) for claims in form.alternatives()), (
        f"{at}: said {[explain(value) for value in said]}"
    )
    lines = [site(call, root)[:3] for call in calls]
    assert lines == sorted(lines, key=[(reveal.path, None, reveal.row) for reveal in form.reveals].index), (
        f"{at}: a call is recorded at a line of which nothing is revealed, or out of order: {lines}"
    )
    assert [call.callee for call in recording.calls if call.place.node is None] == [], f"{at}: calls without a place"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")
@pytest.mark.parametrize("name", FORMS)
def test_a_run_does_what_is_claimed(name: str, written: Written) -> None:
    form, script, root = written(name)
    at = f"{FORMS[name][0]}:{form.line}"
    runs = {variant: perform(script, root, variant) for variant in "ab"}
    plain, other = (
        [call.arguments.get("r") for call in run.calls if call.callee.endswith(CALLEE)] for run in runs.values()
    )
    alternatives = form.alternatives()
    for claims in alternatives:
        if len(claims) < len(plain) or (not plain and claims and [] not in alternatives):
            pytest.fail(f"{at}: {len(claims)} calls expected, the run made {len(plain)}: {runs['a'].error}")
        there = other if len(other) == len(plain) else []  # another machine may take another path
        for index, claim in enumerate(claims):
            assert holds(claim, plain[index : index + 1], there[index : index + 1]), (
                f"{at}: {claim}: the runs passed {plain}, {other}"
            )
    recording = interpreted(script, root)
    found = {variant: contradictions(recording, run, root, plain=variant == "a") for variant, run in runs.items()}
    assert found == {"a": [], "b": []}, at


# -- the pages themselves ------------------------------------------------------------------------------------------
def test_every_page_has_forms_of_their_own_names() -> None:
    names = [form.name for page in PAGES for form in pages.read(page)]
    assert len(set(names)) == len(names) and {name.split("/")[0] for name in names} == {page.stem for page in PAGES}


def page(tmp_path: Path, text: str) -> list[pages.Form]:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    return pages.read(tmp_path / "page.md")


def test_files_belong_to_the_script_that_follows_them(tmp_path: Path) -> None:
    text = """\
# Page
Words.
## Section
### A file
```yaml conf/a.yaml
r: 8
```
```python
FastLanguageModel.get_peft_model(None, r=8)  # reveal: known 8
```
### Alone
```python src/train.py
from unsloth import FastLanguageModel as F
F.get_peft_model(None, r=8)  # reveal: known 8; default "a" or no call
```
```python
build()  # reveal: either 64 16
```
"""
    first, second, third = page(tmp_path, text)
    assert [form.name for form in (first, second, third)] == [
        "page/section/a-file", "page/section/alone-1", "page/section/alone-2"
    ]  # fmt: skip
    assert first.files["conf/a.yaml"] == "r: 8\n" and first.files["train.py"].startswith(pages.PRELUDE)
    assert (first.line, first.reveals[0].row, first.reveals[0].path) == (8, 2, "train.py")
    assert second.script == "src/train.py" and pages.PRELUDE not in second.files["src/train.py"]
    assert second.alternatives() == [["known 8", "default 'a'"], []]
    assert third.files == {"train.py": "build()  # reveal: either 64 16\n"}
    assert third.alternatives() == [["either 16 64"]]
    assert (second.write(tmp_path)).read_text(encoding="utf-8") == second.files["src/train.py"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# A\n```python\nbuild()\n```\n", "nothing is revealed"),
        ("# A\n```python\nbuild()  # reveal: perhaps 8\n```\n", "not what a comment may say"),
        ("# A\n```python\nbuild()  # reveal: known\n```\n", "not what a comment may say"),
        ("# A\n```yaml\nr: 1\n```\n", "lacks a name"),
        ("# A\n```yaml a.yaml\nr: 1\n```\n```yaml a.yaml\nr: 2\n```\n", "stands here twice"),
        ("# A\n```yaml a.yaml\nr: 1\n```\n", "no script follows a.yaml"),
    ],
)
def test_a_page_that_is_not_well_formed_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        page(tmp_path, text)
