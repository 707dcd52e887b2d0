"""What reviewed files hold, their names too, as each format shows it and none obeys it: the one place that escapes.

`terminal.escape` comes first everywhere but in JSON, whose reader gets the text as it is: it spells out what is obeyed
by a terminal or the log of a build, or cannot be seen. What is left is made plain text in the language of the format.
"""

from __future__ import annotations

import re
from html import escape as entities

from .terminal import escape

_MARKUP = re.compile(
    r"[\\`*_\[\]<>|~&$]|:(?=//)|(?<=www)\."
)  # no text starts a line, so headings and lists are no matter
_MENTION = re.compile(r"@(?=\w)|[#!%](?=\d)|(?<=\bGH)-(?=\d)", re.IGNORECASE)  # of people, issues and merge requests
_NO_XML = re.compile("[\ufffe\uffff]")  # of what `escape` lets through


def markdown_text(text: str) -> str:
    """Text in Markdown as GitHub and GitLab render it: no link, no mention, no table of its own."""
    return _MENTION.sub(r"\g<0><!-- -->", _MARKUP.sub(r"\\\g<0>", escape(text)))


def markdown_code(text: str) -> str:
    """Code in Markdown, with more backticks around it than stand in it."""
    text = escape(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def html_text(said: object) -> str:
    """Text of an HTML element or attribute: no markup of its own."""
    return entities(escape(str(said)))


def workflow_message(text: str) -> str:
    """The message of a workflow command of GitHub Actions, in which only line feeds are left."""
    return _percent("\n".join(map(escape, text.split("\n"))))


def workflow_property(text: str) -> str:
    """A property of a workflow command, as in `file=…`."""
    return _percent(escape(text)).replace(":", "%3A").replace(",", "%2C")


def _percent(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def xml_text(text: str) -> str:
    """Text that may stand in XML 1.0, to be quoted by who writes the document."""
    return _NO_XML.sub("\ufffd", escape(text))


def message_text(text: str) -> str:
    """A message in JSON that a viewer shows to people, lines kept: SARIF takes `[words](target)` in it for a link."""
    return "\n".join(map(escape, text.split("\n"))).replace("](", "\\](")


def c_quoted(path: str) -> str:
    """A path in the head of a diff, quoted as git and patch do where it holds what would end the line or be obeyed."""
    if escape(path) == path and '"' not in path and "\\" not in path:
        return path
    quoted = []
    for byte in path.encode("utf-8", "surrogateescape"):
        plain = 32 <= byte < 127 and chr(byte) not in '"\\['
        quoted.append(chr(byte) if plain else f"\\{byte:03o}")
    return f'"{"".join(quoted)}"'
