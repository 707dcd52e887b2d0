"""The formats for other programs: golden files, and what real readers of each format make of them.

`UPDATE_GOLDEN=1 pytest` writes the golden files anew.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from sarif_pydantic import Sarif

from nl2sql_review.policy import rulebook
from nl2sql_review.render import FORMATS, render
from nl2sql_review.render.view import View
from nl2sql_review.report.report import FileReport, Finding, InternalError, Location, Report

from .reports import CELLS, ODD, REPORT, SCRIPT, at, write_files
from .test_render import golden

SCHEMAS = Path(__file__).parent / "schemas"
OTHERS = [name for name in FORMATS if name not in ("text", "concise", "json", "agent", "html")]


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    rules = {id: rule for id, rule in rulebook.load().rules.items() if id in ("lora/rank", "prompt/eos")}
    return View(root=str(tmp_path), show_suppressed=True, show_unknown=True, rules=lambda: rules)


def read(name: str, view: View, report: Report = REPORT) -> object:
    return json.loads(render(name, report, view))


@pytest.mark.parametrize("name", OTHERS)
def test_golden(name: str, view: View) -> None:
    output = render(name, REPORT, view)
    if name == "sarif":  # the pages of the rules are theirs to change
        document = json.loads(output)
        for rule in document["runs"][0]["tool"]["driver"]["rules"]:
            rule["help"] = {key: rule["help"][key].partition("\n")[0] for key in ("text", "markdown")}
        output = json.dumps(document, indent=2) + "\n"
    golden(f"report.{name}", output)


@pytest.mark.parametrize("name", ["sarif", "rdjson", "gitlab"])
@pytest.mark.parametrize("report", [REPORT, Report(), Report(files=REPORT.files[:1])], ids=["full", "empty", "one"])
def test_schema(name: str, report: Report, view: View) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(read(name, view, report))


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab", "rdjson"])
def test_half_of_a_surrogate_pair_is_no_text_for_those_who_read(name: str, view: View) -> None:
    finding = replace(REPORT.files[0].findings[0], message='bias="\ud83d", \U0001f600', value="\udc00")
    written = render(name, Report(files=(replace(REPORT.files[0], findings=(finding,)),)), view)
    assert "\U0001f600" in json.dumps(json.loads(written), ensure_ascii=False)
    json.dumps(json.loads(written), ensure_ascii=False).encode()  # raises where half a pair is left


def pieces(path: str, lines: tuple[int, int], columns: tuple[int, int], in_bytes: bool = False) -> str:
    """The text that stands in a file from one place to another."""
    text = Path(path).read_text(encoding="utf-8").split("\n")
    rows = text[lines[0] - 1 : lines[1]]
    if in_bytes:
        raw = [row.encode() for row in rows]
        raw[-1] = raw[-1][: columns[1] - 1]
        raw[0] = raw[0][columns[0] - 1 :]
        return b"\n".join(raw).decode()
    rows[-1] = rows[-1][: columns[1] - 1]
    rows[0] = rows[0][columns[0] - 1 :]
    return "\n".join(rows)


CODE = {  # what each finding of the report is about, as it stands in its file
    "lora/rank": "config.rank",
    "arguments/learning-rate": "5e-3",
    "prompt/markers": SCRIPT.splitlines()[1][9:],
    "memory/monitoring": "trainer.train()",
    "file/syntax": "(",
}


# SARIF


def test_sarif_regions_are_the_code(view: View) -> None:
    document = Sarif.model_validate(read("sarif", view))
    seen = {}
    for result in document.runs[0].results or []:
        if result.kind == "open":
            continue
        place = result.locations[0].physical_location
        region = place.region
        uri = place.artifact_location.uri
        path = uri.replace("%20", " ").replace("%25", "%").replace("%7C", "|").replace("%60", "`").replace("%3A", ":")
        path = path.replace("%C3%A9", "é")
        seen[result.rule_id] = pieces(
            path, (region.start_line, region.end_line), (region.start_column, region.end_column)
        )
    assert seen == CODE


def test_sarif_says_that_a_rule_crashed(view: View) -> None:
    (run,) = read("sarif", view)["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["associatedRule"] == {"id": "lora/dropout"} and "KeyError" in notification["message"]["text"]
    (run,) = read("sarif", view, replace(REPORT, internal_errors=()))["runs"]
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_sarif_indexes_and_traces(view: View) -> None:
    (run,) = read("sarif", view)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert "16" in rules[0]["shortDescription"]["text"]
    assert rules[0]["help"]["markdown"].startswith("# LoRA rank is not 16")
    rank = run["results"][0]
    (flow,) = rank["codeFlows"][0]["threadFlows"]
    assert [step["location"]["message"]["text"] for step in flow["locations"]] == [
        *("config.yaml: rank", "64", "LORA_R", "config.rank", "r is 64, expected 16"),
    ]
    assert [result["kind"] for result in run["results"]].count("open") == 1
    markers = next(result for result in run["results"] if result["ruleId"] == "prompt/markers")
    assert markers["suppressions"] == [{"kind": "inSource", "justification": "tested by hand"}]


def test_sarif_fixes_of_a_notebook_are_edits_of_its_json(view: View) -> None:
    results = read("sarif", view)["runs"][0]["results"]
    cell = next(result for result in results if result["ruleId"] == "memory/monitoring")
    ((change,),) = [fix["artifactChanges"] for fix in cell["fixes"]]
    (replacement,) = change["replacements"]
    region = replacement["deletedRegion"]
    lines = Path("nb.ipynb").read_text(encoding="utf-8").split("\n")
    row = lines[region["startLine"] - 1]
    assert region["startColumn"] == region["endColumn"]
    lines[region["startLine"] - 1] = (
        row[: region["startColumn"] - 1] + replacement["insertedContent"]["text"] + row[region["endColumn"] - 1 :]
    )
    changed = json.loads("\n".join(lines))["cells"]
    assert "".join(changed[2]["source"]) == '# "train" é\ntrainer.train()\nprint("\\n", memory())'
    assert changed[:2] == CELLS[:2]


@pytest.mark.parametrize(
    ("path", "uri", "based"),
    [
        ("sub/train.py", "sub/train.py", True),
        (ODD, "src/a%20b,c%3Ad%25%7C%60%C3%A9%60.py", True),
        ("../elsewhere/x y.py", "file:///", False),
        ("a/b/../c.py", "a/c.py", True),
        ("\udce4.py", "%E4.py", True),
    ],
)
def test_sarif_paths(path: str, uri: str, based: bool, view: View) -> None:
    finding = Finding("lora/rank", "error", "silent", "certain", "r=64", 64, Location(path, 1, 1, 1, 2))
    report = Report(files=(FileReport(path, "reviewed", findings=(finding,)),))
    (result,) = read("sarif", view, report)["runs"][0]["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri if based else artifact["uri"].startswith(uri) and artifact["uri"].endswith("x%20y.py")
    assert ("uriBaseId" in artifact) is based


# GitHub


def commands(output: str) -> list[tuple[str, dict[str, str], str]]:
    """(level, properties, message) as the runner of GitHub Actions reads them."""
    found = []
    for line in output.splitlines():
        if not line.startswith("::"):
            continue
        head, message = line[2:].split("::", 1)
        level, _, said = head.partition(" ")
        properties = dict(pair.split("=", 1) for pair in said.split(","))
        found.append((level, {key: unescape(value) for key, value in properties.items()}, unescape(message)))
    return found


def unescape(text: str) -> str:
    for escaped, plain in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escaped, plain)
    return text


def test_github_annotations_worst_first(view: View) -> None:
    read = commands(render("github", REPORT, view))
    assert [level for level, _, _ in read] == ["error"] * 4 + ["warning"] * 2 + ["notice"]
    assert read[0][1]["title"] == "lora/dropout" and "internal error" in read[0][2]
    odd = next(properties for _, properties, _ in read if properties["title"] == "file/syntax")
    assert odd == {"file": ODD, "line": "2", "endLine": "2", "col": "5", "endColumn": "6", "title": "file/syntax"}
    notebook = next(properties for _, properties, _ in read if properties["file"] == "nb.ipynb")
    line = Path("nb.ipynb").read_text(encoding="utf-8").split("\n")[int(notebook["line"]) - 1]
    assert line[int(notebook["col"]) - 1 :].startswith("trainer.train()")


def trap(path: str, effect: str, severity: str = "error", kind: str = "trap") -> FileReport:
    """A file with one finding."""
    finding = Finding(
        "api/x", severity, effect, "certain", f"{kind} {effect}", 1, Location(path, 1, 1, 1, 2), kind=kind
    )
    return FileReport(path, "reviewed", findings=(finding,))


SEVERAL = Report(
    files=(
        trap("a.py", "silent", kind="policy"),
        trap("b.py", "stops", "warning"),
        trap("c.py", "silent"),
        FileReport("d.py", "reviewed"),
        trap("e.py", "stops"),
    )
)


def test_the_annotations_that_github_shows_are_those_of_the_worst_files(view: View) -> None:
    told = [properties["file"] for _, properties, _ in commands(render("github", SEVERAL, view))]
    assert told == ["e.py", "c.py", "a.py", "b.py"]


@pytest.mark.parametrize("name", FORMATS)
def test_pages_for_people_begin_with_the_worst_file_and_lists_keep_the_order_of_the_paths(
    name: str, view: View
) -> None:
    if name == "statistics":  # counts rules
        return
    output = render(name, SEVERAL, replace(view, show_unknown=False))
    if name == "sarif":  # the results, not the files
        output = json.dumps(json.loads(output)["runs"][0]["results"])
    told = list(dict.fromkeys(re.findall(r"\b([abce])\.py\b", output)))
    worst = {"text": "beca", "html": "beca", "markdown": "beca", "github": "ecab"}
    assert "".join(told) == worst.get(name, "abce")


@pytest.mark.parametrize("text", ["a\n::error::x", "50%0Aoff", "\r\n::set-output name=a::b", "\u2028::warning::x"])
def test_no_script_can_speak_to_the_runner(text: str, view: View) -> None:
    finding = Finding("lora/rank", "error", "silent", "certain", text, 64, at(1, 1, 2), help=text, suppressed=text)
    files = (FileReport("a\n::error::.py", "reviewed", findings=(finding,)), FileReport(text, "skipped", text))
    output = render("github", Report(files=files), view)
    assert len(commands(output)) == 1 and len(output.splitlines()) == 2


def test_github_takes_columns_within_one_line_only(view: View) -> None:
    finding = Finding("lora/rank", "error", "silent", "certain", "r=64", 64, at(5, 12, 6, end_row=8))
    (command,) = commands(
        render("github", Report(files=(FileReport("train.py", "reviewed", findings=(finding,)),)), view)
    )
    assert command[1] == {"file": "train.py", "line": "5", "endLine": "8", "title": "lora/rank"}


# GitLab


def test_gitlab_fingerprints_are_unique_and_places_right(view: View) -> None:
    issues = read("gitlab", view)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 7
    seen = {}
    for issue in issues:
        begin, end = issue["location"]["positions"]["begin"], issue["location"]["positions"]["end"]
        place = (issue["location"]["path"], (begin["line"], end["line"]), (begin["column"], end["column"]))
        seen[issue["check_name"]] = pieces(*place)
    assert CODE.items() <= seen.items()
    assert [issue["severity"] for issue in issues if issue["check_name"] == "lora/dropout"] == ["blocker"]
    assert read("gitlab", view, Report()) == []


def test_gitlab_fingerprints_are_the_same_from_any_folder(view: View, tmp_path: Path, monkeypatch) -> None:
    def fingerprint(path: str) -> str:
        (issue,) = read("gitlab", view, replace(REPORT, files=(), internal_errors=(InternalError("", path, "no"),)))
        return issue["fingerprint"]

    at_the_root = fingerprint("train.py")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert fingerprint("../train.py") == at_the_root != fingerprint("train.py")


# JUnit


def test_junit_has_the_checklist_and_never_passes_what_is_unknown(view: View, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(render("junit", REPORT, replace(view, show_unknown=False)), encoding="utf-8")
    xml = junitparser.JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (9, 4, 1, 3)
    cases = {case.name: case for suite in xml for case in suite}
    assert cases["lora/alpha"].is_passed
    assert cases["prompt/eos"].is_skipped and "cannot be decided" in cases["prompt/eos"].result[0].message
    assert cases["lora/rank"].is_failure and "train.py:7:11: r is 64" in cases["lora/rank"].result[0].text
    assert isinstance(cases["lora/dropout"].result[0], junitparser.Error)
    assert {suite.name for suite in xml} == {"train.py", "nb.ipynb", ODD}


def test_junit_fails_unknown_items_where_they_count(view: View) -> None:
    xml = junitparser.JUnitXml.fromstring(render("junit", REPORT, view).encode())
    (unknown,) = [case for suite in xml for case in suite if case.name == "prompt/eos"]
    assert unknown.is_failure


@pytest.mark.parametrize("text", ["\x00\x1b[31m", "<a>&\"'", "\ufffe\uffff\ud800", "]]>", "é漢\U0001f600"])
def test_junit_of_any_text_is_xml(text: str, view: View) -> None:
    finding = Finding("lora/rank", "error", "silent", "certain", text, 64, at(1, 1, 2), help=text)
    report = Report(
        files=(FileReport(text, "reviewed", findings=(finding,)),), internal_errors=(InternalError("", text, text),)
    )
    xml = junitparser.JUnitXml.fromstring(render("junit", report, view).encode())
    assert (xml.failures, xml.errors) == (1, 1)


# reviewdog


def test_rdjson_counts_bytes_and_suggests_fixes(view: View) -> None:
    diagnostics = {d["code"]["value"]: d for d in read("rdjson", view)["diagnostics"]}

    def code(place: dict, path: str) -> str:
        start, end = place["start"], place["end"]
        return pieces(path, (start["line"], end["line"]), (start["column"], end["column"]), in_bytes=True)

    for rule, expected in CODE.items():
        found = diagnostics[rule]["location"]
        assert code(found["range"], found["path"]) == expected
    (suggestion,) = diagnostics["lora/rank"]["suggestions"]
    assert code(suggestion["range"], "train.py") == "config.rank" and suggestion["text"] == "16"
    (suggestion,) = diagnostics["memory/monitoring"]["suggestions"]
    assert json.loads(f'"{suggestion["text"]}"') == '\nprint("\\n", memory())'


# Markdown


def test_markdown_shows_what_was_said_and_nothing_else(view: View) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(render("markdown", REPORT, view))
    text = re.sub(r"<!-- -->", "", html)
    cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", text, re.DOTALL)]
    cells = [
        cell.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&") for cell in cells
    ]
    assert "invalid syntax: 100%, <b>@all</b> | \\x3a:error::x https://x.y *a* $x$" in cells
    assert "<b>" not in html and "<a " not in html and "@all" not in html
    assert f"<h3><code>{ODD}</code></h3>" in html
    assert html.count("<table>") == 4 and "<summary>Checklist: 1 passes, 1 fails, 1 unknown, 1 does not apply" in html
    assert "LORA" not in cells and "? unknown" in cells


@pytest.mark.parametrize("text", ["@all", "#12", "owner/name#12", "GH-12", "!12", "%12"])
def test_markdown_refers_to_nobody_and_no_issue(text: str, view: View) -> None:
    report = replace(REPORT, files=(), internal_errors=(InternalError("", "train.py", f"see {text}."),))
    markdown = render("markdown", report, view)
    assert text not in markdown and f"see {text}." in markdown.replace("<!-- -->", "")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_carries_fixes_where_it_says_so(name: str, view: View) -> None:
    """What an edit puts in place is in the text; for a language model, what it does."""
    first = REPORT.files[0]
    (fixed, *_) = [f for f in first.findings if f.fix is not None]
    assert fixed.fix is not None
    edited = replace(fixed, fix=replace(fixed.fix, edits=(replace(fixed.fix.edits[0], content="A_BETTER_RANK"),)))
    report = replace(REPORT, files=(replace(first, findings=(edited,)),))
    word = "safe policy: set r=16" if name == "agent" else "A_BETTER_RANK"
    assert (word in render(name, report, view)) is FORMATS[name].carries_fixes
