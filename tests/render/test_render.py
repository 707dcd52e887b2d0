"""What the renderers make of a hand-made report. `UPDATE_GOLDEN=1 pytest` writes the golden files anew."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nl2sql_review import cli
from nl2sql_review.policy.rulebook import load
from nl2sql_review.render import agent, concise, text
from nl2sql_review.render import json as json_render
from nl2sql_review.render.rule_text import render_list, render_page
from nl2sql_review.render.terminal import ASCII, PLAIN, Terminal, escape, glyphs_for, width, wrap
from nl2sql_review.report.report import FileReport, Location, Report, Summary
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

from .reports import LINES, REPORT, view

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def golden(name: str, output: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(output, encoding="utf-8", newline="\n")
    assert output == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "terminal"),
    [
        ("report-80.txt", PLAIN),
        ("report-120.txt", Terminal(120)),
        ("report-ascii.txt", Terminal(80, glyphs=ASCII)),
        ("report-color.txt", Terminal(100, color=True)),
    ],
)
def test_text(name: str, terminal: Terminal) -> None:
    golden(name, text.render(REPORT, view(terminal, show_suppressed=True)))


def test_concise() -> None:
    golden("report-concise.txt", concise.render(REPORT, view(show_unknown=True)))


def test_agent() -> None:
    golden("report-agent.txt", agent.render(REPORT, view(show_suppressed=True)))


def test_agent_is_cheap_and_leaves_nothing_out() -> None:
    """Of the findings, every rule, place and word of help; of the checklist, every item by name."""
    report = batch.review([str(ROOT / "docs" / "train.py")], Options(isolated=True))
    output = agent.render(report, view())
    (file,) = report.files
    lines = output.splitlines()
    for finding in file.findings:
        place = f"{finding.rule} {finding.location.row}:{finding.location.column}: {finding.message}"
        (line,) = [line for line in lines if place in line]
        assert line.startswith(finding.severity) and finding.effect in line and finding.help in line
    told = set(output.replace(",", " ").replace(":", " ").split())
    assert {item.rule for item in file.checklist} <= told
    pretty = json.dumps(json.loads(json_render.render(report, view())), indent=2)
    assert len(output.encode()) * 5 < len(pretty)
    assert agent.render(report, view(quiet=True)).count("\n") == len(file.findings) + 3


def test_json_is_one_line_of_ascii_with_every_field() -> None:
    output = json_render.render(REPORT, view())
    assert output.isascii() and output.count("\n") == 1
    data = json.loads(output)
    assert list(data) == ["version", "files", "summary", "internal_errors", "removable", "tables"]
    assert list(data["files"][0]) == ["path", "status", "reason", "findings", "checklist", "runs", "notes"]
    assert list(data["files"][0]["findings"][0]) == [
        *("rule", "severity", "effect", "certainty", "message", "value", "location", "trace", "related"),
        *("suppressed", "suppressed_by", "help", "fixable", "fix", "fingerprint", "kind", "run"),
    ]
    assert data["files"][0]["findings"][0]["location"] == {
        "path": "train.py", "row": 7, "column": 11, "end_row": 7, "end_column": 22, "cell": None,
    }  # fmt: skip
    assert [f["suppressed"] for f in data["files"][0]["findings"]] == [None, None, "tested by hand"]
    assert data["files"][1]["findings"][0]["location"]["cell"] == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, {1: (2,)}, object(), b"x", "\ud800"])
def test_json_of_any_value_is_json(value: object) -> None:
    finding = replace(REPORT.files[0].findings[0], value=value)
    report = Report(files=(FileReport("a.py", "reviewed", findings=(finding,)),))
    json.loads(json_render.render(report, view()), parse_constant=pytest.fail)


def test_suppressed_findings_are_shown_on_request_only() -> None:
    for render in (lambda **o: text.render(REPORT, view(**o)), lambda **o: concise.render(REPORT, view(**o))):
        assert "prompt/markers" not in render()
        assert "tested by hand" in render(show_suppressed=True)


def test_quiet_leaves_the_findings_only() -> None:
    output = text.render(REPORT, view(quiet=True))
    assert "lora/rank" in output and "Checklist" not in output and "reviewed" not in output
    assert concise.render(REPORT, view(quiet=True)).splitlines()[-2].startswith("nb.ipynb:cell 3:2:1:")


def test_the_file_that_stops_comes_first() -> None:
    """Then what trains something else, then policy, then the files without a finding; each group in its order."""
    finding = REPORT.files[0].findings[0]

    def file(path: str, *found: tuple[str, str]) -> FileReport:
        return FileReport(path, "reviewed", findings=tuple(replace(finding, kind=k, effect=e) for k, e in found))

    files = (
        file("clean.py"),
        file("choice.py", ("policy", "silent")),
        file("silent.py", ("trap", "silent"), ("trap", "style")),
        file("other.py", ("trap", "silent")),
        file("stops.py", ("policy", "cost"), ("trap", "stops")),
    )
    output = text.render(Report(files=files, summary=Summary(reviewed=5)), view())
    names = re.findall(r"^(\w+\.py): (?!departures)", output, re.MULTILINE)
    assert names == ["stops.py", "silent.py", "other.py", "choice.py"]


def test_the_last_line_counts() -> None:
    last = text.render(REPORT, view(Terminal(120))).splitlines()[-1]
    assert last == (
        "2 files reviewed, 1 could not be: 3 errors, 1 suggestion; 1 item unknown; 1 suppressed; 1 internal error"
    )
    one = Report(files=(FileReport("a.py", "reviewed"),), summary=Summary(reviewed=1))
    assert concise.render(one, view()) == "1 file reviewed: no findings; no item unknown\n"
    none = Report(files=(FileReport("a.py", "skipped", "it trains nothing"),), summary=Summary(skipped=1))
    assert concise.render(none, view()) == (
        "1 file was not a training script: a.py (it trains nothing)\nnothing was reviewed: no training script found\n"
    )


def test_a_finding_whose_file_cannot_be_read_has_no_excerpt() -> None:
    output = text.render(REPORT, view(line=lambda at: None, quiet=True))
    assert "--> train.py:7:11" in output


CODE = st.text(st.characters(codec=None, blacklist_categories=()), max_size=60)


@given(CODE)
def test_nothing_a_file_says_reaches_the_terminal_as_a_command(line: str) -> None:
    spelt = escape(line)
    controls = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))}
    assert not set(spelt) & (controls | set("\u2028\u202a\u202b\u202d\u202e\u2066\u2067\u2068"))


@given(CODE, CODE, st.integers(1, 70), st.integers(1, 70), st.integers(0, 3), st.integers(10, 130))
def test_any_text_renders_in_the_width(line: str, message: str, column: int, end: int, more: int, columns: int) -> None:
    line = line.replace("\n", "").replace("\r", "")
    finding = REPORT.files[0].findings[0]
    at = Location("train.py", 3, column, 3 + more, end)
    made = replace(finding, location=at, message=message, help=message, trace=finding.trace[:1])
    report = Report(files=(FileReport("train.py", "reviewed", findings=(made,)),))
    output = text.render(report, view(Terminal(columns), lambda at: line, quiet=True))
    assert "\x1b" not in output and output.count("error[lora/rank]") >= 1
    if columns >= 60:
        assert all(width(row) <= columns for row in output.split("\n"))


@given(CODE, st.integers(8, 50))
def test_wrapping_loses_nothing(line: str, columns: int) -> None:
    line = escape(line)
    assert "".join(wrap(line, columns)).replace(" ", "") == line.replace(" ", "")
    assert all(width(row) <= columns for row in wrap(line, columns))


def test_carets_stand_under_wide_and_escaped_characters() -> None:
    code = '\tprint("漢字\x1b[31m", r=64)'
    finding = replace(REPORT.files[0].findings[0], kind="trap", location=Location("a.py", 1, 19, 1, 23), trace=())
    assert code[18:22] == "r=64"
    report = Report(files=(FileReport("a.py", "reviewed", findings=(finding,)),))
    rows = text.render(report, view(line=lambda at: code, quiet=True)).splitlines()
    shown, carets = rows[2], rows[3]
    assert shown == '1 |     print("漢字\\x1b[31m", r=64)'
    assert width(carets) - 4 == width(shown[: shown.index("r=64")])
    assert carets.endswith("^^^^")


def test_encodings_without_check_marks_get_ascii() -> None:
    assert glyphs_for("utf-8") is PLAIN.glyphs
    assert glyphs_for("ascii") is glyphs_for("latin-1") is glyphs_for(None) is glyphs_for("no such") is ASCII
    ours = Report(files=REPORT.files[:2])  # the other file's own name is not ASCII
    assert text.render(ours, view(Terminal(glyphs=ASCII), lambda at: None, quiet=True)).isascii()


def test_the_hand_made_lines_are_where_the_report_says() -> None:
    assert LINES["train.py", None][6][10:21] == "config.rank"
    assert LINES["train.py", None][9][18:24] == "LORA_R"


def test_the_page_of_a_rule_names_its_examples_and_the_parameters_of_the_project(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nl2sql-review.toml").write_text('"lora/rank" = { equals = 32 }\n', encoding="utf-8")
    for color in ("never", "always"):
        assert cli.main(["rule", "lora/rank", "--color", color]) == 0
        page = capsys.readouterr().out
        assert '"lora/rank" = { equals = 32 } (nl2sql-review.toml)' in page and "LoRA rank is not 16" not in page
        assert "expect:" not in page and "```" not in page
        assert {"✔ passes", "✘ is found", "→ after the fix", "? cannot be decided"} <= {
            line.strip().strip(":") for line in re.sub(r"\x1b\[[0-9;]*m", "", page).splitlines()
        }


@pytest.mark.parametrize("columns", [80, 100])
def test_rules_are_folded_to_the_terminal(columns: int) -> None:
    """Except for code, tables, headings and words that are longer than a line."""
    rules = list(load().rules.values())
    lines = render_list(rules, Terminal(columns)).splitlines()
    for rule in rules:
        lines += render_page(rule, Terminal(columns)).splitlines()
    wide = [line for line in lines if width(line) > columns and not line.startswith(("    ", "|", "#"))]
    assert [line for line in wide if max(map(width, line.split())) < columns - 2] == []
