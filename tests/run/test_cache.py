"""A kept review is the review that would be made: whatever it rests on may change, and whatever lies in the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.files import disk, user_cache
from nl2sql_review.run import batch, cache
from nl2sql_review.run import reviewer as one
from nl2sql_review.run.options import Options

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
import yaml
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
from sizes import RANK

with open("config.yaml") as file:
    config = yaml.safe_load(file)
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=RANK, lora_alpha=config["alpha"])
trainer = SFTTrainer(model=model, args=SFTConfig(learning_rate=1e-3, output_dir="models/a"))
trainer.train()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A script with companions, settings and requirements; the user's own cache directory is a new one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "src" / "train.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "src" / "sizes.py").write_text("RANK = 64\n", encoding="utf-8")
    (folder / "src" / "config.yaml").write_text("alpha: 16\n", encoding="utf-8")
    (folder / "requirements.txt").write_text("trl==0.19.1\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text('[tool.nl2sql-review]\nrules = ["mine"]\n', encoding="utf-8")
    (folder / "mine" / "lora").mkdir(parents=True)
    shutil.copy(ROOT / "rules" / "lora" / "rank.md", folder / "mine" / "lora" / "rank.md")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def made(monkeypatch):
    """The scripts that were reviewed rather than remembered."""
    names = []
    source = one.Reviewer.source

    def counted(self, data, path):
        names.append(path)
        return source(self, data, path)

    monkeypatch.setattr(one.Reviewer, "source", counted)
    return names


def said(capsys, *argv):
    code = cli.main(list(argv) or ["src/train.py"])
    return code, capsys.readouterr().out


def test_the_second_run_reviews_nothing_and_says_the_same(project, made, capsys):
    first = said(capsys)
    assert made == ["src/train.py"]
    assert said(capsys) == first
    assert made == ["src/train.py"]
    assert said(capsys, "--no-cache", "src/train.py") == first
    assert made == ["src/train.py"] * 2


@pytest.mark.parametrize("first", [["src/train.py"], ["review", "src/train.py"]])
def test_with_and_without_the_parser_the_answer_is_the_same(project, made, capsys, first):
    """`review train.py` is parsed, `train.py` alone is looked up: each finds what the other has stored."""
    told = said(capsys, *first)
    assert said(capsys, "src/train.py") == told == said(capsys, "review", "src/train.py")
    assert made == ["src/train.py"]


def test_an_unchanged_file_is_answered_without_a_parser(project):
    program = "import sys; from nl2sql_review import cli; cli.main(['src/train.py']); print(*sys.modules)"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    *_, modules = done.stdout.splitlines()
    assert "nl2sql_review.commands.stored" in modules.split()
    assert not set(modules.split()) & {"argparse", "typing", "dataclasses", "zlib", "nl2sql_review.commands.review"}


def write(path, text):
    def change(project):
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(text(before) if callable(text) else text, encoding="utf-8")

    return change


CHANGES = {
    "the script": write("src/train.py", lambda old: old.replace("1e-3", "2e-4")),
    "only a comment of the script": write("src/train.py", lambda old: old + "# a comment\n"),
    "a module it imports": write("src/sizes.py", "RANK = 16\n"),
    "a configuration it reads": write("src/config.yaml", "alpha: 64\n"),
    "a module that is called like a library": write("yaml.py", ""),
    "a file of the same name nearer the root": write("config.yaml", "alpha: 128\n"),
    "the requirements": write("requirements.txt", "trl==0.12.0\n"),
    "requirements that did not exist": write("src/requirements.txt", "trl==0.12.0\n"),
    "a lock that did not exist": write("uv.lock", '[[package]]\nname = "trl"\nversion = "0.12.0"\n'),
    "the settings": write("pyproject.toml", '[tool.nl2sql-review]\nignore = ["lora/rank"]\n'),
    "settings that did not exist": write("src/nl2sql-review.toml", 'ignore = ["lora/rank"]\n'),
    "a rule of the project": write("mine/lora/rank.md", lambda old: old.replace("equals: 16", "equals: 64")),
    "a rule that did not exist": write(
        "mine/lora/alpha.md", lambda _: (ROOT / "rules/lora/alpha.md").read_text().replace("error", "advice")
    ),
    "a module that is gone": lambda project: (project / "src" / "sizes.py").unlink(),
    "a link in place of a module": lambda project: (
        (project / "src" / "sizes.py").rename(project / "other.py"),
        (project / "src" / "sizes.py").symlink_to(project.parent / "other.py"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_it_rests_on_is_looked_at_again(project, made, capsys, change):
    said(capsys)
    CHANGES[change](project)
    again = said(capsys)
    assert made == ["src/train.py"] * 2
    assert again == said(capsys, "--no-cache", "src/train.py")


@pytest.mark.parametrize(
    "options", [["--select", "lora"], ["--gpu", "T4"], ["--processes", "2"], ["--isolated"], ["--fail-on", "advice"]]
)
def test_another_question_is_another_answer(project, made, capsys, options):
    said(capsys)
    again = said(capsys, *options, "src/train.py")
    assert made == ["src/train.py"] * 2
    assert again == said(capsys, "--no-cache", *options, "src/train.py")


def test_a_change_of_the_program_is_another_answer(project, made, capsys, monkeypatch):
    said(capsys)
    monkeypatch.setattr(cache, "engine", lambda: "another")
    said(capsys)
    assert made == ["src/train.py"] * 2


def test_the_program_is_its_files_and_its_rules(tmp_path):
    copy = tmp_path / "copy"
    for name in ("nl2sql_review", "rules"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)

    def engine():
        code = "from nl2sql_review.run import cache; print(cache.engine())"
        return subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=True).stdout

    seen = [engine()]
    for path in ("nl2sql_review/readers/lora.py", "rules/lora/rank.md", "nl2sql_review/libraries/signatures.json"):
        with open(copy / path, "a", encoding="utf-8") as file:
            file.write("\n")
        seen.append(engine())
    assert len(set(seen)) == 4


def test_formats_and_widths_come_from_one_review(project, made, capsys, monkeypatch):
    ways = [[], ["-q"], ["--output-format", "json"], ["--output-format", "concise"], ["--output-format", "agent"],
            ["--color", "always"], ["--show-suppressed"]]  # fmt: skip
    fresh = [said(capsys, "--no-cache", *way, "src/train.py") for way in ways]
    made.clear()
    for _ in range(2):
        assert [said(capsys, *way, "src/train.py") for way in ways] == fresh
    monkeypatch.setenv("COLUMNS", "60")
    assert said(capsys) == said(capsys, "--no-cache", "src/train.py")
    assert made == ["src/train.py"] * 2


def test_what_is_answered_from_the_cache_is_what_was_reviewed(tmp_path, monkeypatch, capsys, made):
    """Of scripts that break every section of the checklist."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    shutil.copytree(ROOT / "fixtures" / "checklist", tmp_path / "checklist")
    monkeypatch.chdir(tmp_path)
    fresh = said(capsys, "--no-cache", "--output-format", "json", "--jobs", "1", "checklist")
    assert said(capsys, "--output-format", "json", "--jobs", "1", "checklist") == fresh
    text = said(capsys, "--jobs", "1", "checklist")
    number = len(made)
    assert said(capsys, "--output-format", "json", "--jobs", "1", "checklist") == fresh
    assert said(capsys, "--jobs", "1", "checklist") == text
    assert len(made) == number > 2 * 30


def test_standard_input_is_remembered_by_its_bytes(project, made):
    def run(data):
        report, code = batch.run(["-"], Options(stdin=("src/train.py", data), cache=cache.opened()))
        return [f.message for f in report.files[0].findings], code

    first = run(SCRIPT.encode())
    assert run(SCRIPT.encode()) == first and len(made) == 1
    assert run(SCRIPT.replace("1e-3", "2e-4").encode()) != first and len(made) == 2


# -- whatever lies in the cache ----------------------------------------------------------------------------------


def entries(project):
    return sorted((project / cache.DIRECTORY).glob("*.json"))


def spoil(how):
    def spoil(project):
        for path in entries(project):
            path.write_bytes(how(path.read_bytes()))

    return spoil


def forge(project):
    """Sealed by somebody else, as in a tree that was cloned: every finding is gone."""
    for path in entries(project):
        head, _, blob = path.read_bytes().partition(b"\n")[2].partition(b"\n")
        said = json.loads(head)
        if "outcome" in said["head"]:
            said["head"]["outcome"][2:] = [0, [0, 0, 0, 0, 0]]
            blob = b""
        body = json.dumps(said).encode() + b"\n" + blob
        path.write_bytes(disk.digest(body, b"x" * 32).encode() + b"\n" + body)


def exchange(project):
    """Entries under each other's names, each with its own good seal."""
    paths = entries(project)
    contents = [path.read_bytes() for path in paths]
    for path, data in zip(paths, [*contents[1:], contents[0]]):
        path.write_bytes(data)


def leftovers(project):
    """What runs leave that were killed while writing."""
    for path in entries(project):
        path.rename(f"{path}.123.abcd")


SPOILS = {
    "empty": spoil(lambda data: b""),
    "truncated": spoil(lambda data: data[:-1]),
    "torn": spoil(lambda data: data[: len(data) // 2] + b"\0" * 20),
    "another program's": spoil(lambda data: b"\x80\x04\x95 a pickle"),
    "sealed, and not JSON": spoil(lambda data: disk.digest(b"{", b"") .encode() + b"\n{"),
    "forged": forge,
    "exchanged": exchange,
    "killed": leftovers,
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILS)
def test_what_is_no_entry_of_ours_changes_nothing(project, made, capsys, what):
    first = said(capsys)
    assert len(entries(project)) == 3  # the settings, the script, the output
    SPOILS[what](project)
    assert said(capsys) == first
    assert made == ["src/train.py"] * 2
    assert said(capsys) == first
    assert len(made) == 2  # and it was mended


def test_without_the_key_nothing_counts(project, made, capsys, tmp_path):
    first = said(capsys)
    (tmp_path / "home" / "nl2sql-review" / cache.KEY).write_bytes(b"short")
    assert said(capsys) == first and len(made) == 2
    assert said(capsys) == first and len(made) == 2


@pytest.mark.parametrize("where", ["project", "home"])
def test_where_nothing_can_be_written_all_is_reviewed(project, made, capsys, monkeypatch, tmp_path, where):
    """A read-only or full disk: whatever the file system refuses; a test may run as a user who is refused nothing."""
    refused = str(project if where == "project" else tmp_path / "home")
    real = os.open

    def full(path, flags, *rest, **more):
        if flags & os.O_CREAT and str(path).startswith(refused):
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", full)
    first = said(capsys)
    assert said(capsys) == first and first[0] == 1
    assert len(made) == 2


def test_a_disk_that_fills_while_an_entry_is_written_leaves_none(tmp_path, monkeypatch):
    class Full:
        def __init__(self, handle, mode):
            os.close(handle)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", Full)
    assert not user_cache.replace(str(tmp_path / "entry.json"), b"data")
    assert not list(tmp_path.iterdir())


def test_a_link_in_place_of_the_cache_is_not_followed(project, made, capsys, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / cache.DIRECTORY).symlink_to(elsewhere)
    said(capsys)
    said(capsys)
    assert len(made) == 2 and not list(elsewhere.iterdir())


def test_many_runs_at_once_say_the_same(project):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nl2sql_review", "src/train.py"]
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(6)]
    outputs = [run.communicate()[0] for run in runs]
    assert len(set(outputs)) == 1 and b"lora/rank" in outputs[0]
    assert len(entries(project)) == 3 and len(os.listdir(project / cache.DIRECTORY)) == 5


# -- where it lies -----------------------------------------------------------------------------------------------


def test_it_lies_at_the_root_of_the_project_and_says_what_it_is(project, capsys, monkeypatch):
    monkeypatch.chdir(project / "src")
    said(capsys, "train.py")
    folder = project / cache.DIRECTORY
    assert (folder / cache.TAG).read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert (folder / ".gitignore").read_text() == "*\n"
    assert not (project / "src" / cache.DIRECTORY).exists()


@pytest.mark.parametrize(
    "appears", ["yaml.py", "YAML.py", "yaml/__init__.py", "yaml/other.txt", "src/my modul.py", "größe.py", "new"]
)
def test_what_was_not_there_is_asked_for_by_folder(tmp_path, monkeypatch, appears):
    """As exact as to ask for one file after the other, whatever the file system makes of case."""
    monkeypatch.chdir(tmp_path)
    asked = (
        "yaml/__init__.py",
        "yaml.py",
        "yaml",
        "src/my modul.py",
        "größe.py",
        "new/a.py",
        "new/b.py",
        "new",
        ".git",
    )
    with disk.Remembering() as seen:
        assert not any(disk.exists(tmp_path / path) for path in asked)
    together = disk.together(seen)
    assert len(together) < len(seen) and disk.together(together) == together
    assert disk.Now().confirms(together)
    (tmp_path / appears).parent.mkdir(exist_ok=True)
    (tmp_path / appears).touch()
    assert disk.Now().confirms(together) == disk.Now().confirms(seen)


@pytest.mark.parametrize(
    "path", ["train.py", "./model", "model/", "model/config.json", "new/..", "new/../model", "new/."]
)
def test_paths_that_are_not_plain_are_asked_for_as_they_are(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    for asked in (path, f"{tmp_path}/{path}"):
        with disk.Remembering() as seen:
            assert not disk.exists(asked)
        assert disk.Now().confirms(disk.together(seen))
        made = tmp_path / ("new" if "new/." in path and "model" not in path else path)
        made.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "new").mkdir(exist_ok=True)
        made.touch() if made.suffix else made.mkdir(exist_ok=True)
        assert disk.exists(asked) and not disk.Now().confirms(disk.together(seen))
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        os.chdir(tmp_path)


def test_a_folder_of_many_files_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "FEW", 3)
    for name in "aAbB":  # two of the same name, in small letters
        (tmp_path / name).touch()
    with disk.Remembering() as seen:
        assert not disk.exists(tmp_path / "e") and not disk.exists(tmp_path / "f")
    assert disk.Now().confirms(disk.together(seen))
    (tmp_path / "f").touch()
    assert not disk.Now().confirms(disk.together(seen))


def test_nothing_is_kept_where_nothing_was_reviewed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tool.py").write_text("print(1)\n")
    assert said(capsys, "--isolated", ".")[0] == 3
    assert not (tmp_path / cache.DIRECTORY).exists()


def test_clear_removes_the_cache_and_nothing_else(project, made, capsys, tmp_path):
    said(capsys, "--cache-dir", str(tmp_path / "kept"), "src/train.py")
    assert not (project / cache.DIRECTORY).exists()
    assert said(capsys, "cache", "clear", "--cache-dir", str(tmp_path / "kept")) == (
        0, f"3 entries removed from {tmp_path / 'kept'}\n",
    )  # fmt: skip
    assert not (tmp_path / "kept").exists()
    assert said(capsys, "cache", "clear")[0] == 0
    assert cli.main(["cache", "clear", "--cache-dir", "src"]) == 2
    assert "not a cache of nl2sql-review" in capsys.readouterr().err
    assert (project / "src" / "train.py").exists()
