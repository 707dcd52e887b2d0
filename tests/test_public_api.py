"""The public door: what `docs/api.md` shows works, importing it costs nothing, and no room hides a function."""

from __future__ import annotations

import contextlib
import io
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nl2sql_review

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)(?: ([\w.]+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FUNCTIONS = ("review", "plan", "memory")


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script of the page, in the working directory."""
    (script,) = (text for _, name, text in FENCES if name == "train.py")
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "train.py"


EXAMPLES = [
    (text, FENCES[number + 1][2]) for number, (kind, name, text) in enumerate(FENCES) if kind == "python" and not name
]


@pytest.mark.parametrize(("example", "printed"), EXAMPLES, ids=FUNCTIONS)
def test_the_examples_print_what_the_page_says(train: Path, example: str, printed: str) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(example, "docs/api.md", "exec"), {})
    assert out.getvalue() == printed


def test_the_page_names_every_public_name_and_every_option() -> None:
    public = set(nl2sql_review.__all__) - {"__version__"}
    assert {name for name in public if f"`{name}" not in PAGE} == set()
    assert {name for name in nl2sql_review.Options.__slots__ if f"`{name}`" not in PAGE} == set()


def test_every_public_name_is_there_and_others_are_not() -> None:
    assert {name for name in nl2sql_review.__all__ if not hasattr(nl2sql_review, name)} == set()
    assert set(nl2sql_review.__all__) <= set(dir(nl2sql_review))
    with pytest.raises(ImportError):
        from nl2sql_review import reviews  # type: ignore[attr-defined]  # noqa: F401  # there is none: that is the test


def test_no_room_has_the_name_of_a_public_name() -> None:
    rooms = {room.name for room in pkgutil.iter_modules(nl2sql_review.__path__)}
    assert rooms and rooms & set(nl2sql_review.__all__) == set()


def test_the_functions_are_callable_after_every_room_is_imported() -> None:
    code = (
        "import pkgutil, sys, nl2sql_review as package\n"
        "rooms = [room.name for room in pkgutil.iter_modules(package.__path__) if room.name != '__main__']\n"
        "for room in rooms: __import__('nl2sql_review.' + room)\n"
        "from nl2sql_review import review, plan, memory\n"
        "print(len(rooms) > 10, callable(review), callable(plan), callable(memory))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True True True\n"


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import __future__, sys; before = set(sys.modules); import nl2sql_review\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['nl2sql_review']\n"


def test_paths_may_be_one_or_many_and_of_either_type(train: Path) -> None:
    options = nl2sql_review.Options(isolated=True, overrides={"select": ["lora/rank"]})
    one = nl2sql_review.review("train.py", options)
    assert [file.path for file in one.files] == ["train.py"]
    assert nl2sql_review.review([Path("train.py")], options) == nl2sql_review.review(Path("train.py"), options) == one
    assert nl2sql_review.review([], options).files == ()


def test_options_cannot_be_changed_and_a_copy_can_differ() -> None:
    options = nl2sql_review.Options(isolated=True)
    with pytest.raises(AttributeError, match="but\\(jobs="):
        options.jobs = 2
    with pytest.raises(TypeError):
        options.but(job=2)
    changed = options.but(jobs=2)
    assert (changed.isolated, changed.jobs, options.jobs) == (True, 2, 1)
    assert changed.but(jobs=1) == options != changed


def test_errors_are_those_that_are_documented(train: Path) -> None:
    (train.parent / "broken.py").write_text("def (:\n", encoding="utf-8")
    (train.parent / "values.yaml").write_text("replicas: 3\n", encoding="utf-8")
    with pytest.raises(nl2sql_review.SettingsError, match="selekt"):
        nl2sql_review.review("train.py", nl2sql_review.Options(overrides={"selekt": ["lora"]}))
    for function in (nl2sql_review.plan, nl2sql_review.memory):
        with pytest.raises(OSError):
            function("missing.py")
        with pytest.raises(nl2sql_review.SourceError):
            function("broken.py")
        with pytest.raises(nl2sql_review.NotAConfiguration):
            function("values.yaml")
    with pytest.raises(nl2sql_review.UnknownCard, match="T5000"):
        nl2sql_review.memory("train.py", gpu="T5000")
    assert [file.status for file in nl2sql_review.review(["broken.py", "missing.py"]).files] == ["error", "error"]
