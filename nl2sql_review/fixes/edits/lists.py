"""Edits of lists in configuration files, on any number of lines: add and remove members, keep comments and layout.

ruamel.yaml writes YAML and tomlkit writes TOML; both are loaded only here, and only the list itself is taken
from their output.
"""

from __future__ import annotations

import json
import re
import textwrap
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from ...report.report import Edit, Location
from ...source.spans import lines_of
from ...training_plan.values import Place
from . import EditError

_KEY = re.compile(r"""\s*(?:-\s+)?(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w.-]+))\s*[:=]""")


def replaced(place: Place, value: list[Any], wanted: list[Any]) -> Edit | None:
    """Replace the members of the list at a place; None if it is not the list that is meant."""
    path = str(place.source.path)
    text, row = str(place.source.text), int(place.node.row)
    key = _KEY.match(place.source.line(row)[place.node.column - 1 :])
    name = next(filter(None, key.groups()), "") if key is not None else ""
    if not name:
        return None
    try:
        if path.endswith(".json"):
            return _in_json(place, text, row, list(value), wanted)
        new = _in_toml(text, name, list(value), wanted) if path.endswith(".toml") else _in_yaml(text, row, name, wanted)
    except ImportError:
        raise EditError("editing a list needs ruamel.yaml and tomlkit: pip install ruamel.yaml tomlkit") from None
    except Exception:  # whatever a library of another grammar makes of the file: then there is no fix
        return None
    return _changed(path, text, new, row) if new is not None else None


def _changed(path: str, text: str, new: str, row: int) -> Edit | None:
    """Return the difference of two texts as one edit, or None if they also differ outside the list."""
    old_lines, new_lines = lines_of(text), lines_of(new)
    codes = [c for c in SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes() if c[0] != "equal"]
    if not codes:
        return None
    first, last = codes[0][1], codes[-1][2]
    if first < row - 1 or any(
        line.strip() and not line.startswith((" ", "\t", "-", "]")) for line in old_lines[row:last]
    ):
        return None  # beyond the list
    content = "".join(new_lines[codes[0][3] : codes[-1][4]])
    if last == len(old_lines) and first == last:
        return None
    return Edit(Location(path, first + 1, 1, last + 1, 1), content) if last < len(old_lines) else None


# -- YAML ----------------------------------------------------------------------------------------------------------


def _in_yaml(text: str, row: int, name: str, wanted: list[Any]) -> str | None:
    """Return the text with the list changed in its own lines, which are parsed as a separate document."""
    from ruamel.yaml import YAML

    lines = lines_of(text)
    start, end = _rows(text, row - 1)
    writer = YAML()
    writer.preserve_quotes, writer.width = True, 100_000
    own = textwrap.dedent("".join(lines[start:end])).replace("\r\n", "\n")
    data = writer.load(own)
    members = data[name] if isinstance(data, dict) and list(data) == [name] else None
    if not isinstance(members, list):
        return None
    dash = re.search(r"^([ \t]*)-([ \t]+)", own, re.MULTILINE)
    if dash is not None:
        writer.indent(mapping=2, sequence=len(dash[1]) + 1 + len(dash[2]), offset=len(dash[1]))
    for member in [m for m in members if m not in wanted]:
        members.remove(member)
    members.extend(w for w in wanted if w not in members)
    after = StringIO()
    writer.dump(data, after)
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    newline = "\r\n" if lines[start].endswith("\r\n") else "\n"
    block = textwrap.indent(after.getvalue(), indent).replace("\n", newline)
    return "".join([*lines[:start], block, *lines[end:]])


def _rows(text: str, row: int) -> tuple[int, int]:
    """Return the rows of a pair in a block mapping: first from 0 and end, without the comments and blanks after it."""
    lines = lines_of(text)
    indent = len(lines[row]) - len(lines[row].lstrip())
    end = row + 1
    for number in range(row + 1, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        deeper = len(line) - len(line.lstrip())
        if deeper < indent or deeper == indent and not line.lstrip().startswith(("- ", "]")):
            break
        end = number + 1
    return row, end


# -- TOML and JSON -------------------------------------------------------------------------------------------------


def _in_toml(text: str, name: str, value: list[Any], wanted: list[Any]) -> str | None:
    import tomlkit

    data = tomlkit.parse(text)
    waiting: list[Any] = [data]
    found = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found += [one] if name in one and one[name] == value else []
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    if len(found) != 1:
        return None
    members = found[0][name]
    for member in [m for m in members if m not in wanted]:
        members.remove(member)
    for member in wanted:
        if member not in members:
            members.append(member)
    made: str = tomlkit.dumps(data)
    return made


def _in_json(place: Place, text: str, row: int, value: list[Any], wanted: list[Any]) -> Edit | None:
    line = place.source.line(row)
    start = sum(map(len, lines_of(text)[: row - 1]))
    opened = text.find("[", start + place.node.column - 1, start + len(line))
    if opened < 0:
        return None
    found, end = json.JSONDecoder().raw_decode(text, opened)
    if found != value:
        return None
    old = text[opened:end]
    inner = re.search(r"\n([ \t]*)\"", old)
    closing = re.search(r"\n([ \t]*)\]\Z", old)
    if inner is not None and closing is not None:
        members = ",\n".join(f"{inner[1]}{json.dumps(one)}" for one in wanted)
        content = f"[\n{members}\n{closing[1]}]"
    else:
        content = json.dumps(wanted)
    last = text.count("\n", 0, end)
    column = end - (text.rfind("\n", 0, end) + 1) + 1
    return Edit(Location(str(place.source.path), row, opened - start + 1, last + 1, column), content)
