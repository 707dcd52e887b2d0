"""Rules for people: a list of all, or the page of one, printed from the file that also defines the rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from ..policy.rulebook import Rule
from .terminal import Glyphs, Terminal, escape, wrap

if TYPE_CHECKING:
    from rich.console import RenderableType

_FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<language>\w*)[ \t]*(?P<kind>(?<!\w)\w*|)\n(?P<code>.*?)(?:^(?P=ticks)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_TEST_MARK = re.compile(r"(?<![ \t])[ \t]*# expect: .*$", re.MULTILINE)


class Example(NamedTuple):
    """An example on a page: its language, the label of the rule ("" for code that illustrates), and the code."""

    language: str
    kind: str
    code: str


def render_list(rules: list[Rule], terminal: Terminal) -> str:
    """Return one line per rule: its id, its severity and its title, by section."""
    lines: list[str] = []
    section = ""
    ids = max((len(rule.id) for rule in rules), default=0)
    for rule in rules:
        if section and rule.section != section:
            lines.append("")
        section = rule.section
        severity = terminal.paint(f"{rule.head.severity:<8}", rule.head.severity)
        first, *rest = wrap(escape(rule.title), terminal.columns - ids - 11)
        lines += [f"{rule.id:<{ids}}  {severity} {first}", *(" " * (ids + 11) + line for line in rest)]
    return "".join(f"{line}\n" for line in lines)


def render_page(rule: Rule, terminal: Terminal, chosen: str = "") -> str:
    """Return the rule's page, with the label of each example as its heading.

    `chosen`: the project's setting that changes the rule, as written there. The page is laid out for a terminal with
    colours, otherwise it is the Markdown itself.
    """
    head = f"{rule.id} ({' or '.join(rule.head.kinds)}, {rule.head.severity}, {' or '.join(rule.head.effects)})"
    remarks = (
        [f"In this project: {escape(chosen)}; the text and the examples keep the rule's own value"] if chosen else []
    )
    remarks += [f"Help: {rule.head.help}"] if rule.head.help else []
    remarks += ["Fix: yes, if it can be proved" if rule.head.fix else "Fix: none"]
    told = "".join(f"{line}\n" for remark in remarks for line in wrap(remark, terminal.columns))
    parts = list(pieces(re.sub(r"\A\s*# .*", lambda _: f"# {rule.title}", rule.body)))
    if terminal.color:
        return f"{terminal.paint(head, rule.head.severity)}\n{told}\n{_set(parts, terminal)}"
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines += _folded(part, terminal.columns)
        else:
            label = f"{_label(part, terminal.glyphs)}:" if part.kind else ""
            lines += ["", *filter(None, [label]), *(f"    {line}" for line in part.code.splitlines()), ""]
    body = "\n".join(escape(line.replace("\t", "    ")).rstrip() for line in lines)
    return f"{head}\n{told}\n" + re.sub(r"\n{3,}", "\n\n", body).rstrip() + "\n"


_ITEM = re.compile(r"(?:[-*]|\d+\.) ")


def _folded(prose: str, columns: int) -> Iterator[str]:
    """Yield paragraphs and lists in lines of at most `columns` cells; headings and tables stay as they are."""
    for block in re.split(r"\n{2,}", prose.strip("\n")):
        if block.startswith(("#", "|")):
            yield from block.splitlines()
        else:
            for item in re.split(rf"\n(?={_ITEM.pattern})", block):
                mark = _ITEM.match(item)
                indent = len(mark[0]) if mark else 0
                first, *rest = wrap(" ".join(item.split()), columns, indent)
                yield from (first, *(" " * indent + line for line in rest))
        yield ""


def pieces(body: str) -> Iterator[str | Example]:
    """Yield the prose and the code examples of a page in order, the examples without the marks for tests."""
    end = 0
    for fence in _FENCE.finditer(body):
        yield body[end : fence.start()]
        yield Example(fence["language"], fence["kind"], _TEST_MARK.sub("", fence["code"]))
        end = fence.end()
    yield body[end:]


def _label(example: Example, glyphs: Glyphs) -> str:
    return {
        "good": f"{glyphs.passed} passes",
        "bad": f"{glyphs.failed} is found",
        "fixed": f"{glyphs.arrow} after the fix",
        "unknown": f"{glyphs.unknown} cannot be decided",
        "na": f"{glyphs.inapplicable} does not apply",
    }.get(example.kind, example.kind)


def _set(parts: list[str | Example], terminal: Terminal) -> str:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.padding import Padding
    from rich.syntax import Syntax
    from rich.text import Text

    page = StringIO()
    console = Console(
        file=page,
        width=terminal.columns,
        color_system="standard",
        force_terminal=True,
        legacy_windows=False,
        emoji=False,
    )
    styles = {"good": "green", "bad": "red", "fixed": "cyan", "unknown": "yellow"}
    for part in parts:
        shown: RenderableType
        if isinstance(part, str):
            shown = Markdown(part, code_theme="ansi_dark")
        else:
            if part.kind:
                console.print(Text(f"\n  {_label(part, terminal.glyphs)}", styles.get(part.kind, "dim")))
            code = Syntax(part.code.rstrip("\n"), part.language or "text", theme="ansi_dark", word_wrap=True)
            shown = Padding(code, (0, 0, 0, 4))
        console.print(shown)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())
