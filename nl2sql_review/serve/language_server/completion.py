"""Completion: keys and values of the settings, and the names in comments that ignore a rule."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from lsprotocol.types import CompletionItem, CompletionItemKind, MarkupContent, MarkupKind

from ...files.projects import DEDICATED, PYPROJECT, TABLE
from ...files.typed_data import keys
from ...gpu_memory import cards
from ...policy.policies import OURS
from ...policy.rulebook import NOTICES, Rulebook
from ...policy.settings import KEYS, RuleSettings
from ...report.report import CERTAINTIES, KINDS, SEVERITIES

_IGNORE = re.compile(r"#\s*nl2sql\s*:\s*ignore(?:-file)?\s*\[(?P<rules>[^\]]*)$")
_RULE = re.compile(r"\s*[\w/-]*")
_REQUEST = re.compile(r"#\s*nl2sql\s*:\s*(?P<word>[\w-]*)$")
_CARD = re.compile(r"^\s*#\s*gpu\s*:[\w\s-]*$")
_KEY = re.compile(r"^\s*\"?(?P<word>[\w/-]*)$")
_VALUE = re.compile(r"^\s*\"?(?P<key>[\w/-]+)\"?\s*=\s*(?P<rest>.*)$")
_WORD = re.compile(r"""["'][\w./-]*\Z""")  # the beginning of a text
_MEMBERS = re.compile(r"""(?:"[^"]*"|'[^']*'|[\s,])*""")
_OPEN = re.compile(r"""^[ \t]*["']?(?P<key>[^"'\s=\[]+)["']?[ \t]*=[ \t]*\[[^\]]*\Z""", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[{1,2}(?P<name>[^\[\]\n]+)\]", re.MULTILINE)
CHOICES = {
    "fail-on": SEVERITIES, "severity": SEVERITIES, "min-certainty": CERTAINTIES, "kinds": KINDS,
    "policy": OURS,
}  # fmt: skip
PARAMETERS = keys(RuleSettings)
BOOLEANS = ("fail-on-unknown", "ignore-suppressions")


def at(path: str, before: str, above: str, rules: Rulebook) -> list[CompletionItem]:
    """Return the completions at a place; `before` is the line up to the cursor, `above` the text before that line."""
    name = os.path.basename(path)
    if name == DEDICATED or name == PYPROJECT and _is_ours(above):
        return list(_settings(before, above, rules))
    if name in (DEDICATED, PYPROJECT) or "#" not in before:
        return []
    return list(_comment(before, rules))


def _is_ours(above: str) -> bool:
    table = _table(above)
    return table == f"tool.{TABLE}" or table.startswith(f"tool.{TABLE}.")


def _table(above: str) -> str:
    """Return the name of the table that a line is in, "" before the first."""
    tables = _TABLE.findall(above)
    return tables[-1].strip() if tables else ""


def _comment(before: str, rules: Rulebook) -> Iterator[CompletionItem]:
    asked = _IGNORE.match(before, max(before.rfind("#"), 0))
    if asked is not None and _RULE.fullmatch(asked["rules"].rpartition(",")[2]):
        yield from _rules(rules, "")
    elif _REQUEST.search(before):
        for word, said in (("ignore", "this statement"), ("ignore-file", "the whole file")):
            yield CompletionItem(
                word, kind=CompletionItemKind.Keyword, detail=f"of {said}", insert_text=f"{word}[", sort_text=word
            )
    elif _CARD.match(before):
        for name in dict.fromkeys(name for name, _ in cards.CARDS.values()):
            yield CompletionItem(name, kind=CompletionItemKind.Constant)


def _rules(rules: Rulebook, quote: str) -> Iterator[CompletionItem]:
    sections = dict.fromkeys(rule.section for rule in rules.rules.values())
    for section in sections:
        yield CompletionItem(section, kind=CompletionItemKind.Module, detail="all rules of the section")
    for rule in rules.rules.values():
        text = MarkupContent(MarkupKind.Markdown, rule.prose.partition("\n\n")[0])
        yield CompletionItem(
            rule.id,
            kind=CompletionItemKind.Value,
            detail=rule.title,
            documentation=text,
            insert_text=f"{quote}{rule.id}{quote}",
        )


def _settings(before: str, above: str, rules: Rulebook) -> Iterator[CompletionItem]:
    table = _table(above).removeprefix(f"tool.{TABLE}").strip(" .\"'")
    if key := _inner_key(before, above):
        yield from _values("ignore" if table == "per-file-ignores" else key, rules)
    elif value := _VALUE.match(before):
        if "{" in value["rest"] and "/" in value["key"]:
            yield from _keys(PARAMETERS)
        elif value["key"] in BOOLEANS:
            yield CompletionItem("true", kind=CompletionItemKind.Keyword)
    elif not _KEY.match(before) or table == "per-file-ignores":  # whose keys are files
        return
    elif "/" in table:
        yield from _keys(PARAMETERS)
    else:
        yield from _keys(KEYS)
        quoted = before.lstrip().startswith('"')
        yield from (one for one in _rules(rules, "" if quoted else '"') if one.kind == CompletionItemKind.Value)


def _keys(names: Iterable[str]) -> Iterator[CompletionItem]:
    for name in names:
        yield CompletionItem(name, kind=CompletionItemKind.Property, insert_text=f"{name} = ")


def _inner_key(before: str, above: str) -> str:
    """Return the key whose text, or list of texts, is being written: `select` for `select = ["lora", "pro`."""
    word = _WORD.search(before)
    if word is None:
        return ""
    head = before[: word.start()]
    opened = head.rfind("[")
    if opened > head.rfind("]"):
        head = head[:opened]
    elif not _MEMBERS.sub("", head):  # a list of several lines
        earlier = _OPEN.search(above)
        head = earlier["key"] + "=" if earlier is not None else head
    named, equals, rest = head.rpartition("=")
    return re.split(r"[^\w-]", named.rstrip(" \t\"'"))[-1] if equals and not rest.strip() else ""


def _values(key: str, rules: Rulebook) -> Iterator[CompletionItem]:
    if key in ("select", "ignore"):
        yield from _rules(rules, "")
        for notice, said in NOTICES.items():
            yield CompletionItem(notice, kind=CompletionItemKind.Value, detail=said)
    elif key == "gpu":
        for name in dict.fromkeys(name for name, _ in cards.CARDS.values()):
            yield CompletionItem(name, kind=CompletionItemKind.Constant)
    else:
        for word in CHOICES.get(key, ()):
            yield CompletionItem(word, kind=CompletionItemKind.EnumMember)
