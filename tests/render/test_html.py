"""The page as a strict reader of HTML takes it: nothing of a reviewed file is markup, nothing is from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest

from nl2sql_review import cli
from nl2sql_review.render import render
from nl2sql_review.report.report import Edit, Fix, Report

from .reports import REPORT, at, line_of, view

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;\x1b[31m\u202e]]>"


def parsed(page: str) -> Element:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


def shown(element: Element) -> str:
    return "".join(element.itertext())


def test_the_page_is_whole_and_stands_alone() -> None:
    page = render("html", REPORT, view(show_suppressed=True))
    assert page.startswith("<!doctype html>\n<html")
    root = parsed(page)
    assert not [e for e in root.iter() if e.get("src") or (e.get("href") or "#")[0] != "#"]
    findings = [e for e in root.iter("article")]
    assert len(findings) == sum(len(file.findings) for file in REPORT.files)
    assert {e.get("class", "").split()[-1] for e in findings} == {"error", "warning", "advice"}


@pytest.mark.parametrize("field", ["message", "help", "rule", "suppressed", "title", "content", "code", "path"])
def test_text_of_a_reviewed_file_is_no_markup(field: str) -> None:
    finding = REPORT.files[0].findings[0]
    fix = Fix("set r=16", "safe", (Edit(at(7, 11, 22), "16"),))
    file, path, line = REPORT.files[0], "train.py", "r=64"
    match field:
        case "title":
            finding = replace(finding, fix=replace(fix, title=HOSTILE))
        case "content":
            finding = replace(finding, fix=replace(fix, edits=(Edit(at(7, 11, 22), HOSTILE),)))
        case "code":
            line = HOSTILE
        case "path":
            path = HOSTILE
        case _:
            finding = replace(finding, **{field: HOSTILE})
    finding = replace(finding, location=replace(finding.location, path=path))
    report = Report(files=(replace(file, path=path, findings=(finding,)),))
    root = parsed(render("html", report, view(line=lambda at: line, show_suppressed=True)))
    plain = parsed(render("html", Report(files=(replace(file, findings=(REPORT.files[0].findings[0],)),)), view()))
    assert {e.tag for e in root.iter()} <= {e.tag for e in plain.iter()} | {"p", "mark"}
    assert len(list(root.iter("script"))) == 1
    assert not [name for e in root.iter() for name in e.keys() if name.startswith("on")]
    text = shown(root)
    assert "onerror=alert(1)>" in text and "\x1b" not in text and "\u202e" not in text


def test_a_fix_is_shown_as_the_lines_it_changes() -> None:
    finding = replace(
        REPORT.files[0].findings[0],
        fix=Fix("two", "safe", (Edit(at(1, 10, 12), "16"), Edit(at(10, 1, 1), "import os\n"))),
    )
    report = Report(files=(replace(REPORT.files[0], findings=(finding,)),))
    (fix,) = [e for e in parsed(render("html", report, view(line=line_of))).iter("details") if "Fix" in shown(e)]
    assert [(e.get("class"), shown(e)) for e in fix.iter("span")] == [
        ("removed", "-LORA_R = 64"),
        ("added", "+LORA_R = 16"),
        ("added", "+import os"),
    ]


def test_the_plan_and_the_memory_are_those_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = (ROOT / "examples" / "train_unsloth_complete.py").read_text(encoding="utf-8")
    Path("train.py").write_text(script, encoding="utf-8")
    assert cli.main(["--isolated", "--output-format", "html=page.html", "train.py"]) == 0
    root = parsed(Path("page.html").read_text(encoding="utf-8"))
    told = {shown(e).partition(":")[0] for e in root.iter("summary")}
    assert {"Checklist", "Plan", "GPU memory"} <= told
    rows = {shown(row[0]): shown(row[1]) for row in root.iter("tr") if len(row) == 3}
    assert rows["r"] == "16" and rows["weights"].endswith("GiB")
