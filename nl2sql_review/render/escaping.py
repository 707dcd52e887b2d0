"""Escapes text of reviewed files, including their names, so that each format displays it and none executes it.

All escaping is done here. Except in JSON, whose reader gets the text unchanged, `terminal.escape` comes first: it
replaces invisible characters, and commands to a terminal or a build log. Then the rest is made plain text in the
language of the format.
"""

from __future__ import annotations

import re
from html import escape as entities

from .terminal import escape

# No text starts a line, so headings and lists are no matter.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|:(?=//)|(?<=www)\.")
_MENTION = re.compile(r"@(?=\w)|[#!%](?=\d)|(?<=\bGH)-(?=\d)", re.IGNORECASE)  # of people, issues and merge requests
_NO_XML = re.compile("[\ufffe\uffff]")  # of what `escape` lets through


def markdown_text(text: str) -> str:
    """Escape text for Markdown as GitHub and GitLab render it: no link, no mention, no table of its own."""
    return _MENTION.sub(r"\g<0><!-- -->", _MARKUP.sub(r"\\\g<0>", escape(text)))


def markdown_code(text: str) -> str:
    """Return code for Markdown, between more backticks than it contains."""
    text = escape(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def html_text(said: object) -> str:
    """Escape text for an HTML element or attribute: no markup of its own."""
    return entities(escape(str(said)))


def workflow_message(text: str) -> str:
    """Escape the message of a workflow command of GitHub Actions; line feeds are kept."""
    return _percent("\n".join(map(escape, text.split("\n"))))


def workflow_property(text: str) -> str:
    """Escape a property of a workflow command, as in `file=…`."""
    return _percent(escape(text)).replace(":", "%3A").replace(",", "%2C")


def _percent(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def xml_text(text: str) -> str:
    """Return text with only the characters allowed in XML 1.0; the writer of the document must quote it."""
    return _NO_XML.sub("\ufffd", escape(text))


def message_text(text: str) -> str:
    """Escape a message in JSON for a viewer, keeping its lines: SARIF reads `[words](target)` in it as a link."""
    return "\n".join(map(escape, text.split("\n"))).replace("](", "\\](")


def c_quoted(path: str) -> str:
    """Return a path for the head of a diff, quoted as git and patch do if it has quotes or control characters."""
    if escape(path) == path and '"' not in path and "\\" not in path:
        return path
    quoted = []
    for byte in path.encode("utf-8", "surrogateescape"):
        plain = 32 <= byte < 127 and chr(byte) not in '"\\['
        quoted.append(chr(byte) if plain else f"\\{byte:03o}")
    return f'"{"".join(quoted)}"'
