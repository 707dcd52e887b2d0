"""docs/architecture.md says what is so: its rooms, the files it names, and the way of the value that it follows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import FrameType

import pytest

from nl2sql_review import cli
from nl2sql_review.interpret.core import library
from tests.claims import explain, interpreted
from tests.test_architecture import ROOMS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "nl2sql_review"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LIFE = PAGE[PAGE.index("## The life of") : PAGE.index("## What may be known")]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines if not set("".join(line)) <= set("-")][1:]


def test_the_rooms_are_those_that_the_imports_are_held_to() -> None:
    table = rows(PAGE[PAGE.index("## The rooms") : PAGE.index("## The life of")])
    named = [name.removesuffix("/").removesuffix(".py") for row in table for name in re.findall(r"`([\w./]+)`", row[0])]
    assert named == [room for room in ROOMS if room != "__main__"]
    for row in table:
        for start in re.findall(r"`([\w./]+\.py)`", row[2]):
            rooms = re.findall(r"`([\w./]+)`", row[0])
            assert any((PACKAGE / room / start).exists() or room == start for room in rooms), row
            assert (PACKAGE / rooms[-1]).exists()


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/releasing.md", "CONTRIBUTING.md"])
def test_every_file_it_names_is_there(page: str) -> None:
    rooms = [ROOT / name for name in ("nl2sql_review", "tests", "docs", "fixtures", "benchmarks")]
    known = [f"/{path.relative_to(ROOT).as_posix()}" for room in rooms for path in room.rglob("*.py")]
    named = set(re.findall(r"`(?:python )?([\w/]+\.py)`", (ROOT / page).read_text(encoding="utf-8")))
    assert named
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in known)] == []


def test_the_value_goes_the_way_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's script is reviewed: every function of the table is called, and the sentence is what is printed."""
    script = re.search(r"```python\n(.*?)```", LIFE, re.DOTALL)
    assert script
    head = "import argparse\nfrom unsloth import FastLanguageModel\n\n"
    (tmp_path / "train.py").write_text(head + re.sub(r" +# \d+$", "", script[1], flags=re.M), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    called: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add((Path(frame.f_code.co_filename).as_posix(), frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        cli.main(["--isolated", "--no-cache", "--jobs", "1", "--select", "lora/rank", "train.py"])
    finally:
        sys.setprofile(before)
    printed = " ".join(capsys.readouterr().out.split())
    missing = []
    for row in rows(LIFE):
        file = ""
        for name in re.findall(r"`([\w./]+)`", row[2]):
            if name.endswith(".py"):
                file = name
            elif not name.isupper() and "_model" not in name:
                at, word = ("" if "." in name else file), name.rpartition(".")[2]
                if not any(path.endswith(at) and function == word for path, function in called):
                    missing.append((row[0], at, word))
    assert missing == []
    sentence = re.findall(r"```text\n(error.*?)```", LIFE, re.DOTALL)[0]
    assert " ".join(sentence.split()) in printed


def test_the_fixer_of_the_page_is_the_one_that_is_used() -> None:
    code = re.search(r"```python\n# (fixes/kinds/\w+\.py)\n(.*?)```", PAGE, re.DOTALL)
    assert code and code[2] in (PACKAGE / code[1]).read_text(encoding="utf-8")


def test_the_model_of_the_page_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page's model says arrives at the call, with its place in the file that the library reads."""
    code = re.search(r"```python\n(# interpret/models/(\w+)/.*?)```", PAGE, re.DOTALL)
    assert code
    monkeypatch.setitem(library.MODELS, "dynaconf.Dynaconf", lambda call: None)  # it is taken out again afterwards
    names = {"__name__": "page", "__package__": f"nl2sql_review.interpret.models.{code[2]}"}
    exec(compile(f"from __future__ import annotations\n{code[1]}", "architecture.md", "exec"), names)
    (tmp_path / "base.yaml").write_text("lora:\n  r: 16\n", encoding="utf-8")
    (tmp_path / "settings.yaml").write_text("lora:\n  r: 64\n", encoding="utf-8")
    script = tmp_path / "train.py"
    script.write_text(
        "from dynaconf import Dynaconf\nfrom unsloth import FastLanguageModel\n"
        'settings = Dynaconf(settings_files=["base.yaml", "settings.yaml"])\n'
        "FastLanguageModel.get_peft_model(None, r=settings.lora.r)\n",
        encoding="utf-8",
    )
    (call,) = interpreted(script, tmp_path).named("FastLanguageModel.get_peft_model")
    assert explain(call.get("r")) == "known 64"
    assert any(place.source.path.endswith("settings.yaml") for place in call.get("r").trace)
