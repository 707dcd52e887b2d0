"""Names and values of reviewed files in every format: shown, and interpreted by nobody."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from nl2sql_review import cli
from nl2sql_review.files.typed_data import ShapeError
from nl2sql_review.fixes.write import Edited
from nl2sql_review.render import FORMATS, diff, render
from nl2sql_review.render.terminal import Terminal, escape
from nl2sql_review.render.view import View
from nl2sql_review.report.report import (
    ChecklistItem,
    FileReport,
    Finding,
    Fix,
    InternalError,
    Location,
    Report,
    TraceStep,
)
from nl2sql_review.report.serialization import dump

PAYLOADS = [
    "\x1b[31mred\x1b]0;title\x07", "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "\x9b31m", "a\rb\x08c",
    "::error file=x::forged", "x\n::set-output name=a::b", "##[add-matcher]x.json", "##vso[task.setvariable x=a]b",
    "a ::stop-commands::t", "##teamcity[buildStop]", "\u200b\u2060zero\ufeff", "\u202egnp.exe\u2066x\u2069",
    "\U000e0041\U000e0042tag", "</script><script>alert(1)</script>", "]]><failure/>", "--><b>", "&lt;b&gt;",
    "<!-- --><img src=x onerror=alert(1)>", "[link](https://evil.example)", "![i](https://evil.example/x.png)",
    "@octocat #1 GH-2 !3", "| a | b |\n|---|", "`code` $x$", "```\n# head\n```", "{{constructor}} ${x} {0}",
    "\ufffe\uffff", "\ud800", "\u3164\u115f\uffa0", "\ufe01\ufe0f\ufe0f", "%0A::error::x", "'\"><svg/onload=alert(1)>",
    "javascript:alert(1)", "\u2028::warning::x", "\x85::notice::x", "\x0b\x0c\x1c\x1d\x1e",
]  # fmt: skip
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
COMMAND = re.compile(r"(?m)^\s*::(?:error|warning|notice|set-output|stop-commands)\b|##(?:vso|teamcity)?\[")


def report(payload: str, path: str | None = None) -> Report:
    """A report in which everything that a reviewed tree can choose is the payload."""
    path = payload if path is None else path
    at = Location(path, 3, 5, 3, 9)
    step = TraceStep(Location(payload, 1, 1, 1, 2), payload)
    finding = Finding(
        "lora/rank", "error", "silent", "default", f"r={payload}", payload, at, trace=(step,), help=f"see {payload}",
        fix=Fix(f"set {payload}", "safe", ()), fingerprint="1" * 32,
    )  # fmt: skip
    silent = replace(finding, suppressed=payload, suppressed_by="comment", rule="lora/alpha")
    items = tuple(
        ChecklistItem(f"lora/{verdict}", "lora", "A title", verdict, "certain", payload, payload)
        for verdict in ("pass", "fail", "unknown", "not-applicable")
    )
    file = FileReport(path, "reviewed", "", (finding, silent), items)
    return Report(
        files=(file, FileReport(payload, "skipped", payload), FileReport(payload, "error", payload)),
        internal_errors=(InternalError("lora/rank", payload, payload),),
    )


def plain(text: str) -> None:
    """A terminal and the log of a build obey nothing of it."""
    assert OBEYED.findall(text) == []
    assert COMMAND.findall(text) == []


def commands(text: str) -> None:
    """Every line is a command of ours, or the counts; a message is decoded once, and no line of a log any more."""
    assert OBEYED.findall(text) == []
    assert "##[" not in text
    for line in text.splitlines():
        assert (
            re.match(r"::(error|warning|notice) [a-zA-Z]+=[^:]*::[^\r\n]*$", line) or ": " in line and line[0] in "01"
        )


def json_only(text: str) -> None:
    """Strict JSON of ASCII, on whose lines no command stands."""
    json.dumps(json.loads(text), ensure_ascii=False).encode()
    assert text.isascii()
    plain(text)


def messages(*keys: str) -> Callable[[str], None]:
    """JSON whose messages a viewer shows: nothing in them is obeyed or unseen."""

    def check(text: str) -> None:
        json_only(text)
        document = json.loads(text)
        for run in document["runs"] if "runs" in document else ():
            del run["tool"]  # the pages of the rules, which are ours
        for key, value in _members(document):
            if key in keys:
                assert OBEYED.findall(value) == [] and "](" not in value.replace("\\](", "")

    return check


def _members(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                yield key, item
            yield from _members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)


def xml(text: str) -> None:
    """The elements are ours alone."""
    plain(text)
    tags = {element.tag for element in ElementTree.fromstring(text).iter()}
    assert tags <= {"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        assert not any("evil" in (value or "") or "javascript:" in (value or "") for _, value in attrs), attrs


def html(text: str) -> None:
    """The same tags and attributes as for a harmless name, whatever the payload is."""
    assert tags(text) == tags(render("html", report("harmless", "train.py"), view()))
    assert OBEYED.findall(text.replace("\t", "")) == []


def tags(text: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = Tags()
    parser.feed(text)
    return parser.seen


def markdown(text: str) -> None:
    """Rendered, it has the same tags as for a harmless name: no link, image, heading or table of its own."""
    plain(text)
    as_html = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    rendered = [
        [tag for tag in tags(as_html.render(each)) if tag[0] != "br"]
        for each in (text, render("markdown", report("harmless", "train.py"), view()))
    ]
    assert rendered[0] == rendered[1]
    assert not re.search(r"@octocat|#1\b", re.sub(r"(`+).*?\1", "", text))


CHECKS = {
    "text": plain, "concise": plain, "statistics": plain, "agent": plain, "json": json_only, "sarif": messages("text"),
    "github": commands, "gitlab": messages("description"), "junit": xml, "rdjson": messages("message"),
    "markdown": markdown, "html": html,
}  # fmt: skip


def view(columns: int = 80) -> View:
    return View(terminal=Terminal(columns), root="/nowhere", show_suppressed=True, show_unknown=True, rules=lambda: {})


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_nothing_of_a_reviewed_tree_is_interpreted(name: str, payload: str) -> None:
    for columns in (80, 44):
        CHECKS[name](render(name, report(payload), view(columns)))


def test_a_command_that_wrapping_puts_at_the_start_of_a_line() -> None:
    for width in range(20, 60):
        plain(render("text", report("x" * width + "::error::forged ::warning ::x"), view(width)))


def test_what_is_written_for_people_stays_as_it_is() -> None:
    for text in (
        "std::vector",
        "SELECT a::text",
        "é漢 😀 ❤️",
        "## heading",
        "a: b:: c",
        "x[1](2)",
        "नमस्ते",
        "### [INST]",
    ):
        assert escape(text) == text


def test_plain_words_for_programs_are_the_same_json() -> None:
    assert json.loads(dump(InternalError("a", "##[error]", "##vso[x]"))) == {
        "rule": "a", "path": "##[error]", "message": "##vso[x]",
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made there")
@pytest.mark.parametrize("payload", ["\x1b[31m", "a\n::error::x", "\u202ex", "##[error]", "<script>", "b\udcff"])
def test_such_names_of_files_from_end_to_end(payload: str, tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{payload}.py"
    Path(os.fsdecode(name.encode("utf-8", "surrogateescape"))).write_text(
        "from trl import SFTConfig\nSFTConfig(learning_rate=1)\n"
    )
    Path("broken.yaml").write_text("lora_r: [\n")
    for name in FORMATS:
        if name != "html":
            cli.main(["--isolated", "--no-cache", "--output-format", name, "."])
            said = capfd.readouterr()
            CHECKS[name](said.out) if name != "markdown" else plain(said.out)
            plain(said.err)
    for words in (["plan"], ["memory"], ["--show-settings"], ["--diff"], ["--show-files"]):
        cli.main([*words, "--isolated", f"{payload}.py"])
        said = capfd.readouterr()
        plain(said.out + said.err)


SCRIPT_OF_WORDS = """\
import argparse
from peft import LoraConfig
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--x", default={0}, help={0})
config = SFTConfig(learning_rate=1, output_dir={0}, run_name=parser.parse_args().x, optim={0}, **{{{0}: {0}}})
model = AutoModelForCausalLM.from_pretrained({0}, **{{{0}: {0}}})
data = load_dataset({0}).map(lambda row: {{{0}: {0} + row[{0}], "text": {0} + row["q"]}})
SFTTrainer(model, args=config, train_dataset=data, peft_config=LoraConfig(r=64, target_modules=[{0}])).train()
"""


@pytest.mark.parametrize(
    "payload", ["\x1b[31mr\x1b]8;;https://evil\x1b\\", "\u202ex\u200by\u2066", "\n::error file=x::y", "##vso[task.x]"]
)
def test_words_of_a_script_in_what_commands_print(payload: str, tmp_path: Path, monkeypatch, capsys) -> None:
    """Values, and names as well: those of keyword arguments, columns, keys, options and models."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT_OF_WORDS.format(repr(payload)))
    Path("other.py").write_text("from trl import SFTTrainer\nSFTTrainer('m').train()\n")
    word = json.dumps(payload)
    Path("c.yaml").write_text(
        f"base_model: {word}\nadapter: lora\nlora_r: 64\n{word}: {word}\ndatasets: [path: {word}]\n"
    )
    for words in (
        ["plan", "train.py"], ["plan", "c.yaml"], ["memory", "train.py"], ["diff", "train.py", "other.py"],
        ["diff", "other.py", "train.py", "--output-format", "markdown"], ["--no-cache", "train.py", "c.yaml"],
        ["rule", payload], ["plan", payload], ["--select", payload, "train.py"], ["--flavour", payload, "c.yaml"],
    ):  # fmt: skip
        try:
            cli.main(words)
        except SystemExit:
            pass
        said = capsys.readouterr()
        plain(said.out + said.err)


def test_the_head_of_a_diff_is_one_line() -> None:
    text = diff.render([Edited("a\n--- b\x1b.py", b"x\n", b"y\n")])
    assert text.splitlines()[:2] == ['--- "a\\012--- b\\033.py"', '+++ "a\\012--- b\\033.py"']


def test_an_error_of_the_settings_is_shown_and_not_obeyed(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nl2sql-review.toml").write_text('"\\u001b[31m" = 1\n"x\\n::error::y" = 2\n')
    assert cli.main(["."]) == 2
    plain(capsys.readouterr().err)
    assert isinstance(ShapeError("a", "b"), ValueError)
