"""The one door: which files are reviewed, what is silenced, and the exit code."""

from __future__ import annotations

import json
import os

import pytest

from nl2sql_review.policy.settings import SettingsError
from nl2sql_review.report.report import ChecklistItem, FileReport, Finding, InternalError, Location, Report
from nl2sql_review.report.summary import exit_code
from nl2sql_review.run.batch import run
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import Reviewer

SCRIPT = """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

config = LoraConfig(r=64, lora_alpha=16)
trainer = SFTTrainer("model", args=SFTConfig(), peft_config=config)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(path, text=SCRIPT):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    return write


def of(path="train.py", select=("lora/rank",), **options):
    """(status, (rule, row, suppressed) of each finding) of one file."""
    report, _ = run([path], Options(overrides={"select": list(select)}, **options))
    (file,) = report.files
    return file.status, [(f.rule, f.location.row, f.suppressed) for f in file.findings]


# -- which files -------------------------------------------------------------------------------------------------


def test_a_directory_is_searched_and_other_scripts_are_named(write):
    write("train.py")
    write("a/serve.py", "import transformers\nprint(1)\n")
    write("a/tool.py", "print(1)\n")
    report, code = run(["."], Options(isolated=True))
    assert [(f.path, f.status) for f in report.files] == [
        ("a/serve.py", "skipped"),
        ("a/tool.py", "skipped"),
        ("train.py", "reviewed"),
    ]
    assert all(f.reason.startswith("not a training script: ") for f in report.files[:2])
    assert (report.summary.reviewed, report.summary.skipped, code) == (1, 2, 1)


def test_nothing_reviewed_is_never_clean(write):
    write("tool.py", "print(1)\n")
    assert run(["."])[1] == run(["tool.py"])[1] == 3
    write("notes.md", "trl")
    assert run(["notes.md"])[1] == 3
    os.mkdir("empty")
    assert run(["empty"])[1] == 3


def test_standard_input_stands_where_it_was_given(write):
    write("a.py")
    report, _ = run(["-", "a.py"], Options(stdin=("src/train.py", SCRIPT.encode())))
    assert [(f.path, f.status) for f in report.files] == [("src/train.py", "reviewed"), ("a.py", "reviewed")]


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("syntax.py", b"import trl\nx = (\n", "file/syntax"),
        ("latin.py", b"import trl\n# caf\xe9\n", "file/unreadable"),
        ("null.py", b"import trl\0\n", "file/unreadable"),
        ("wide.py", "import trl\n".encode("utf-16"), "file/unreadable"),
        ("broken.ipynb", b'{"cells": [{"source": "import trl', "file/syntax"),
        ("deep.py", b"import trl\nx = " + b"(" * 3000 + b")" * 3000, "file/syntax"),
        ("large.py", b"import trl\nx = [\n" + b"    1,\n" * 800_000 + b"]\n", "file/unreadable"),
    ],
)
def test_a_bad_file_is_a_finding_and_the_others_are_reviewed(write, name, data, rule):
    write(name, data)
    write("zz/train.py")
    report, code = run(["."], Options(isolated=True))
    bad, good = report.files
    assert (bad.path, bad.status, [f.rule for f in bad.findings]) == (name, "error", [rule])
    assert bad.findings[0].location.row >= 1
    assert (good.status, code, report.internal_errors) == ("reviewed", 1, ())
    assert run([name], Options(isolated=True))[0].files == (bad,)


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf" + SCRIPT.encode(), SCRIPT.replace("\n", "\r\n").encode()])
def test_byte_order_mark_and_windows_lines(write, text):
    write("train.py", text)
    assert of() == ("reviewed", [("lora/rank", 4, None)])


def test_what_cannot_be_opened_is_a_finding(write, monkeypatch):
    write("train.py")
    assert run(["missing.py"])[1] == 1
    real = os.open

    def deny(path, *args, **kw):
        if str(path).endswith("train.py"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kw)

    monkeypatch.setattr("os.open", deny)
    report, code = run(["."], Options(isolated=True))
    assert (report.files[0].findings[0].rule, code) == ("file/unreadable", 1)


def test_a_cell_that_is_no_python_is_a_finding_and_the_rest_is_reviewed(write):
    cells = [SCRIPT, "x = (\n"]
    book = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": c} for c in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    write("train.ipynb", json.dumps(book))
    report, code = run(["train.ipynb"], Options(overrides={"select": ["lora/rank"]}))
    found = [(f.rule, f.location.cell, f.location.row) for f in report.files[0].findings]
    assert (report.files[0].status, code) == ("reviewed", 1)
    assert sorted(found) == [("file/syntax", 2, 1), ("lora/rank", 1, 4)]


# -- comments ----------------------------------------------------------------------------------------------------


def with_comment(comment, line=4):
    lines = SCRIPT.splitlines()
    lines[line - 1] += f"  # nl2sql: {comment}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("names", ["[lora/rank]", "[lora]", "", "[lora/alpha, lora/rank]"])
def test_a_comment_silences_with_its_reason(write, names):
    write("train.py", with_comment(f"ignore{names} an experiment"))
    status, found = of(select=("lora/rank",))
    assert found == [("lora/rank", 4, "an experiment")]
    assert run(["train.py"], Options(overrides={"select": ["lora/rank"]}))[1] == 0


def test_a_comment_for_the_file(write):
    write("train.py", "# nl2sql: ignore-file[lora/rank] why\n" + SCRIPT)
    assert of() == ("reviewed", [("lora/rank", 5, "why")])


def test_comments_that_silence_nothing_are_reported(write):
    write("train.py", with_comment("ignore[lora/rank] why", 5))
    assert of()[1] == [("lora/rank", 4, None), ("suppression/unused", 5, None)]
    assert of(select=("lora/alpha",))[1] == []  # the rule it names is not asked
    write("train.py", with_comment("ignore[lora/rnk] why"))
    report, _ = run(["train.py"], Options(overrides={"select": ["lora/rank"]}))
    (_, notice) = report.files[0].findings
    assert (notice.rule, notice.severity) == ("suppression/unknown", "warning")
    assert 'did you mean "lora/rank"?' in notice.message
    write("train.py", with_comment("ignroe[lora/rank] why"))
    assert of()[1] == [("lora/rank", 4, None), ("suppression/malformed", 4, None)]
    report, _ = run(["train.py"], Options(overrides={"select": ["lora/rank"], "ignore": ["suppression"]}))
    assert len(report.files[0].findings) == 1


# -- settings ----------------------------------------------------------------------------------------------------


def test_each_file_has_the_settings_of_its_own_project(write):
    write("a/train.py")
    write("b/train.py")
    write("b/nl2sql-review.toml", '"lora/rank" = { equals = 64 }\n')
    report, code = run(["."], Options(overrides={"select": ["lora/rank"]}))
    assert [[i.verdict for i in f.checklist] for f in report.files] == [["fail"], ["pass"]]
    assert code == 1
    assert run(["b"], Options(overrides={"select": ["lora/rank"]}))[1] == 0
    assert run(["b"], Options(isolated=True, overrides={"select": ["lora/rank"]}))[1] == 1


def test_settings_exclude_what_is_found_but_not_what_is_given(write):
    write("a/train.py")
    write("nl2sql-review.toml", 'exclude = ["a/"]\n')
    assert run(["."])[1] == 3
    assert run(["a/train.py"])[1] == 1


def test_a_team_brings_rules_of_its_own(write):
    write("train.py")
    write("nl2sql-review.toml", 'rules = ["policy"]\nselect = ["lora/wide"]\n')
    write("policy/lora/wide.md", "---\neffect: cost\nfact: lora.r\nexpect: {at_least: 128}\n---\n# Wide\n")
    report, _ = run(["train.py"])
    assert [f.message for f in report.files[0].findings] == ["r=64; should be at least 128"]
    write("policy/lora/wide.md", "---\neffect: cost\nfact: lora.rr\nexpect: {at_least: 128}\n---\n# Wide\n")
    with pytest.raises(SettingsError, match="wide.md: fact: the plan has no fact lora.rr"):
        run(["train.py"])


def test_a_mistake_in_the_settings_stops_the_run(write):
    write("train.py")
    write("nl2sql-review.toml", "selct = []\n")
    with pytest.raises(SettingsError, match="selct"):
        run(["train.py"])
    assert run(["train.py"], Options(isolated=True))[1] == 1


# -- faults of ours ----------------------------------------------------------------------------------------------


def test_a_crash_of_the_engine_takes_one_file_only(write, monkeypatch):
    write("a.py")
    write("b.py")
    real = Reviewer.read

    def read(self, data, path, *rest):
        if path == "a.py":
            raise RuntimeError("boom")
        return real(self, data, path, *rest)

    monkeypatch.setattr(Reviewer, "read", read)
    report, code = run(["."], Options(isolated=True))
    assert [(f.path, f.status) for f in report.files] == [("a.py", "error"), ("b.py", "reviewed")]
    assert report.internal_errors == (InternalError("", "a.py", "RuntimeError: boom"),)
    assert code == 2


def test_what_was_not_followed_is_unknown(write, monkeypatch):
    from nl2sql_review.interpret import program as room

    write("train.py")
    monkeypatch.setattr(room, "STEPS", 5)
    monkeypatch.setattr(room.interpret, "__defaults__", (None, 5))
    report, code = run(["train.py"], Options(isolated=True))
    assert {i.verdict for i in report.files[0].checklist} == {"unknown"}
    assert "steps" in report.files[0].checklist[0].reason
    assert code == 0


def report_of(*files, faults=()):
    return Report(files=files, internal_errors=tuple(InternalError("", "", f) for f in faults))


def file(status="reviewed", severity=None, suppressed=None, verdict="pass"):
    at = Location("a.py", 1, 1, 1, 2)
    found = (
        (Finding("lora/rank", severity, "silent", "certain", "m", 1, at, suppressed=suppressed),) if severity else ()
    )
    return FileReport("a.py", status, "", found, (ChecklistItem("lora/rank", "lora", "t", verdict, "certain", ""),))


def test_exit_codes_and_their_precedence():
    assert exit_code(report_of(file())) == 0
    assert exit_code(report_of(file(severity="error"))) == 1
    assert exit_code(report_of(file(severity="warning"))) == 0
    assert exit_code(report_of(file(severity="warning")), "warning") == 1
    assert exit_code(report_of(file(severity="advice")), "advice") == 1
    assert exit_code(report_of(file(severity="error", suppressed=""))) == 0
    assert exit_code(report_of(file(verdict="unknown"))) == 0
    assert exit_code(report_of(file(verdict="unknown")), fail_on_unknown=True) == 1
    assert exit_code(report_of()) == exit_code(report_of(file("skipped"))) == 3
    assert exit_code(report_of(file("error", "error"), file("skipped"))) == 1
    assert exit_code(report_of(file(severity="error"), faults=["x"])) == 2


def test_what_cannot_be_read_is_no_other_script(tmp_path):
    (tmp_path / "broken.ipynb").write_text('{"cells": [')
    (tmp_path / "data.ipynb").write_text('{"x": 1}')
    (tmp_path / "latin.py").write_bytes(b'x = "\xff"')
    (tmp_path / "other.py").write_text("print 1")
    cell = {"cell_type": "code", "source": "from trl import SFTTrainer\ntrainer = SFTTrainer(model="}
    (tmp_path / "training.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}))
    report, _ = run([str(tmp_path)], Options(isolated=True))
    found = {os.path.basename(f.path): (f.status, [one.rule for one in f.findings]) for f in report.files}
    assert found == {
        "broken.ipynb": ("error", ["file/syntax"]),
        "data.ipynb": ("error", ["file/unreadable"]),
        "latin.py": ("error", ["file/unreadable"]),
        "other.py": ("skipped", []),
        "training.ipynb": ("error", ["file/syntax"]),
    }


def test_a_large_repository_with_broken_files_gives_the_complete_report(write):
    for number in range(197):
        write(f"src/part{number % 7}/train_{number}.py", SCRIPT.replace("64", str(64 + number)))
    write("src/syntax.py", "import trl\nx = (\n")
    write("src/latin.py", b"import trl\n# caf\xe9\n")
    write("src/broken.ipynb", b'{"cells": [')
    report, code = run(["."], Options(overrides={"select": ["lora/rank"]}))
    assert (report.summary.reviewed, len(report.files), code) == (197, 200, 1)
    assert sorted(f.path for f in report.files if f.status == "error") == [
        "src/broken.ipynb",
        "src/latin.py",
        "src/syntax.py",
    ]
    assert sorted(f.value for file in report.files for f in file.findings if f.rule == "lora/rank") == list(
        range(64, 261)
    )
    assert len({f.fingerprint for file in report.files for f in file.findings}) == 200
