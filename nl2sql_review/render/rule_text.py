"""The rules for people: a list of all, or the page of one, printed from the file that also is the rule."""

from __future__ import annotations

from io import StringIO

from ..policy.rulebook import Rule
from .terminal import Terminal, escape


def render_list(rules: list[Rule], terminal: Terminal) -> str:
    """One line a rule: its id, its severity and its title, by section."""
    lines: list[str] = []
    section = ""
    ids = max((len(rule.id) for rule in rules), default=0)
    for rule in rules:
        if section and rule.section != section:
            lines.append("")
        section = rule.section
        severity = terminal.paint(f"{rule.head.severity:<8}", rule.head.severity)
        lines.append(f"{rule.id:<{ids}}  {severity} {escape(rule.title)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def render_page(rule: Rule, terminal: Terminal) -> str:
    """The rule's page: set as a page where there are colours, else its Markdown as it is."""
    head = f"{rule.id} ({rule.head.severity}, {rule.head.effect})"
    help = f"Help: {rule.head.help}\n" if rule.head.help else ""
    help += "Fix: --diff shows it\n" if rule.head.fix else "Fix: none\n"
    if not terminal.color:
        body = "\n".join(escape(line.replace("\t", "    ")) for line in rule.body.splitlines())
        return f"{head}\n{help}\n{body}\n"
    from rich.console import Console
    from rich.markdown import Markdown

    page = StringIO()
    console = Console(
        file=page,
        width=terminal.columns,
        color_system="standard",
        force_terminal=True,
        legacy_windows=False,
        emoji=False,
    )
    console.print(Markdown(rule.body, code_theme="ansi_dark"))
    return f"{terminal.paint(head, rule.head.severity)}\n{help}\n{page.getvalue()}"
