"""A wheel, a wheel made from the sdist, and an editable install: each finds its rules from an empty directory.

Every install goes into a fresh environment that sees the dependencies of this one through a .pth file, so nothing is
downloaded. pip, build and hatchling come with `pip install -e '.[test]'`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command, cwd, **environment):
    keep = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONSAFEPATH")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**keep, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A directory with the wheel and the sdist of this checkout, and the wheel made from that sdist below `again/`."""
    for module in ("build", "hatchling", "pip"):
        if find_spec(module) is None:
            pytest.fail(f"{module} is missing, which the packaging tests need: pip install -e '.[test]'")
    folder = tmp_path_factory.mktemp("made")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", folder, ROOT, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unpacked,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder / "again", unpacked, cwd=folder)
    return folder


def environment(folder):
    """A fresh environment, as (python, directory of its commands)."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    python = commands / ("python.exe" if os.name == "nt" else "python")
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # Paths in a .pth file are not searched for .pth files of their own, so an editable install here does not leak in.
    Path(site, "dependencies.pth").write_text("".join({sysconfig.get_path(p) + "\n" for p in ("purelib", "platlib")}))
    return python, commands


def works_from_nowhere(commands, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    listed = run(commands / "nl2sql-review", "rule", cwd=empty)
    assert "lora/rank" in listed
    assert "LoRA rank is not 16" in run(commands / "nl2sql-review", "rule", "lora/rank", cwd=empty)
    return listed


def where(python, tmp_path):
    code = "from nl2sql_review.files import resources; print(resources.find('rules'))"
    return Path(run(python, "-c", code, cwd=tmp_path).strip())


def wheels(made):
    return {"wheel": next(made.glob("*.whl")), "sdist": next((made / "again").glob("*.whl"))}


def test_a_wheel_carries_its_rules(made, tmp_path):
    python, commands = environment(tmp_path / "venv")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheels(made)["wheel"], cwd=tmp_path)
    works_from_nowhere(commands, tmp_path)
    assert where(python, tmp_path).name == "_rules"


def test_an_editable_install_reads_the_checkout(made, tmp_path):
    python, commands = environment(tmp_path / "venv")
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--editable", ROOT)
    run(python, "-m", "pip", *install, cwd=tmp_path)
    works_from_nowhere(commands, tmp_path)
    assert where(python, tmp_path) == ROOT / "rules"


def test_both_wheels_hold_the_same_and_all_of_it(made):
    """To the byte: what one does once it is installed, the other does."""
    contents = {
        kind: {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()}
        for kind, wheel in wheels(made).items()
    }
    assert contents["wheel"] == contents["sdist"]
    held = set(contents["wheel"])
    for room in ("nl2sql_review", "rules", "examples", "integrations"):
        name = room if room == "nl2sql_review" else f"nl2sql_review/_{room}"
        files = [p for p in (ROOT / room).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert {f"{name}/{p.relative_to(ROOT / room).as_posix()}" for p in files} <= held
    assert not [name for name in held if name.startswith(("tests", "fixtures", "rules"))]


def test_the_core_depends_on_little():
    import re

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1]
    assert re.findall(r'"([a-z]+)', listed) == ["jinja", "libcst", "packaging", "pydantic", "pyyaml", "rich", "tomli"]
