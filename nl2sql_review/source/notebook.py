"""Notebooks as one program: the code cells one after the other, with parts that are not Python replaced in place.

Every row of a cell is one row of the program, so a place in the program is a place in a cell. Magics and shell lines
become `pass` (`__magic__` on the right of `=`: a value that only the run decides), and their text is stored separately.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .lexer import Lexer
from .spans import Lines, SourceError, point

# Cell magics that run the rest of the cell as Python; the text below any other one is not Python.
_PYTHON_BODY = frozenset(
    "capture debug lprun memit mprun prun pyinstrument pypy python python3 scalene snakeviz time timeit wandb".split()
)
_CELL_MAGIC = re.compile(r"[ \t]*%%(\w+)")
_WHOLE_CELL = re.compile(r"[ \t]*%(?:sql|md|sh|scala|r|fs|html)[ \t]*\Z")  # Databricks: the magic of a whole cell
_TIMED = re.compile(r"[ \t]*%time[ \t]+(?!(?:if|for|while|with|def|class|try|async)\b)[^\s-]")
_MAGIC = re.compile(r"[ \t]*(?:[%!]|\?{1,2}[%A-Za-z_])")
_HELP = re.compile(r"[ \t]*%{0,2}[A-Za-z_*][\w.*\[\]'\"]*\?{1,2}[ \t]*(?:;[ \t]*)?\Z")
_AUTOMAGIC = re.compile(r"[ \t]*(?:(?:pip3?|conda|mamba)[ \t]+[a-z-]|cd[ \t]+[\w~./])")
# IPython's aliases of shell commands, which run without `!` only as the single row of a cell
_ALIAS = re.compile(r"[ \t]*(?:cat|cp|ls|mkdir|mv|rm|rmdir)[ \t]+(?!(?:and|for|if|in|is|not|or)\b)(?:[\w./~$\"'*]|-\w)")
_ASSIGNED = re.compile(r"([ \t]*[A-Za-z_][^=!%#\"'(]*?=[ \t]*)(?:!|%[A-Za-z_])")
_BLOCK_GOES_ON = re.compile(r"(?:else|elif|except|finally|case)\b")


class Magic(NamedTuple):
    """A magic or shell command as written, with its continuation rows; of a skipped cell, the whole cell."""

    cell: int
    row: int
    text: str


@dataclass
class Cell:
    """One code cell: its number over all cells, its own lines, and the remaining Python, row by row."""

    number: int
    lines: Lines
    rows: list[str]
    first_row: int = 1  # in the program
    closed: bool = True  # whether it is a program of its own, as far as the outline can tell
    indent: str = ""  # taken from the start of its rows, as IPython does

    @property
    def code(self) -> str:
        return "\n".join(self.rows)  # whatever its line ends were: edits go to the cell itself

    def shift(self, row: int) -> int:
        """Return the number of characters of indentation removed from a row (counted within the cell)."""
        return len(self.indent) if self.indent and self.lines[row].startswith(self.indent) else 0

    def blank(self) -> None:
        """Empty the cell's rows, and keep their number, so that other rows stay where they are."""
        self.rows = [""] * len(self.rows)


@dataclass
class Notebook:
    cells: list[Cell]
    magics: list[Magic] = field(default_factory=list)

    def __post_init__(self) -> None:
        row = 1
        for cell in self.cells:
            cell.first_row = row
            row += len(cell.rows)
        self._firsts = [cell.first_row for cell in self.cells]

    def only(self, number: int) -> Notebook:
        """Return the notebook with the text below the cell magic of one cell as its whole program."""
        cells = []
        for cell in self.cells:
            made = Cell(cell.number, cell.lines, [""] * len(cell.rows))
            if cell.number == number:
                rows = [cell.lines[row] for row in range(1, len(cell.lines) + 1)]
                head = next((index for index, row in enumerate(rows) if row.lstrip().startswith("%%")), -1)
                made.rows = [""] * (head + 1) + rows[head + 1 :]
            cells.append(made)
        return Notebook(cells)

    def program(self) -> str:
        """Return the text of all code cells; each starts on a row of its own."""
        return "\n".join(cell.code for cell in self.cells)

    def cell_at(self, row: int) -> Cell:
        """Return the cell that holds a row of the program; there must be one."""
        return self.cells[max(bisect_right(self._firsts, row) - 1, 0)]


def read(text: str) -> Notebook:
    """Return the notebook in the JSON `text`, of format 3 or 4."""
    document, found = cells_of(text)
    cells: list[Cell] = []
    magics: list[Magic] = []
    for number, cell in enumerate(found, 1):
        source = _code(cell)
        if source is not None:
            cells.append(_prepare(number, source, _is_python(document, cell), magics))
    return Notebook(cells, magics)


def cells_of(text: str) -> tuple[Any, list[dict[str, Any]]]:
    """Return (the document, its cells of all kinds). Raises SourceError if the text is no JSON or no notebook."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        message = "empty file" if not text.strip() else error.msg
        raise SourceError("file/syntax", f"not valid JSON: {message}", point(error.lineno, error.colno)) from None
    except RecursionError:
        row, column = Lines(text).place(_deepest(text))
        raise SourceError("file/syntax", "JSON nested too deeply", point(row, column)) from None
    except ValueError as error:
        raise SourceError("file/syntax", f"not valid JSON: {error}", point(1, 1)) from None
    return document, _cells(document)


def _deepest(text: str) -> int:
    depth = deepest = where = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', text):
        if match[1]:
            depth += 1
            if depth > deepest:
                deepest, where = depth, match.start()
        elif match[0][0] != '"':
            depth -= 1
    return where


def _cells(document: object) -> list[dict[str, Any]]:
    if isinstance(document, dict):
        cells = document.get("cells")
        if cells is None and isinstance(document.get("worksheets"), list):
            sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
            cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
        if isinstance(cells, list):
            return [cell if isinstance(cell, dict) else {} for cell in cells]
    raise SourceError(
        "file/unreadable",
        "valid JSON, but not a notebook: there is no list of cells; save it from Jupyter, or rename it if it is not "
        "one",
        point(1, 1),
    )


def _code(cell: dict[str, Any]) -> str | None:
    if cell.get("cell_type") != "code":
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _is_python(document: dict[str, Any], cell: dict[str, Any]) -> bool:
    language = cell.get("language")  # format 3
    for keys in (("vscode", "languageId"), ("language_info", "name"), ("kernelspec", "language")):
        if isinstance(language, str):
            break
        language = (cell if keys[0] == "vscode" else document).get("metadata")
        for key in keys:
            language = language.get(key) if isinstance(language, dict) else None
    return not isinstance(language, str) or "python" in language.lower()


def _prepare(number: int, source: str, is_python: bool, magics: list[Magic]) -> Cell:
    lines = Lines(source)
    rows = [lines[row] for row in range(1, len(lines) + 1)]
    cell = Cell(number, lines, rows)
    if "\0" in source:  # never Python; leave it to the parser to say so
        return cell
    first = _header(cell, magics) if is_python else None
    if first is None:
        cell.blank()
        return cell
    _dedent(cell)
    _replace_magics(cell, first, magics)
    return cell


def _header(cell: Cell, magics: list[Magic]) -> int | None:
    """Blank the cell magics that run Python. Return the index of the first row below them, or None to skip the cell."""
    rows = cell.rows
    for index, row in enumerate(rows):
        stripped = row.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _CELL_MAGIC.match(row)
        if match is None and not (_WHOLE_CELL.match(row) and any(map(str.strip, rows[index + 1 :]))):
            return index
        if match is not None and match[1] in _PYTHON_BODY:
            magics.append(Magic(cell.number, index + 1, stripped))
            rows[index] = ""
            continue
        magics.append(Magic(cell.number, index + 1, "\n".join(rows[index:])))
        return None
    return len(rows)


def _indent(row: str) -> str:
    return row[: len(row) - len(row.lstrip(" \t"))]


def _dedent(cell: Cell) -> None:
    """Remove the first row's indentation from all rows that share it, as IPython does."""
    first = next((row for row in cell.rows if row.strip()), "")
    indent = _indent(first)
    if indent:
        cell.indent = indent
        cell.rows = [row.removeprefix(indent) for row in cell.rows]


def _replace_magics(cell: Cell, first: int, magics: list[Magic]) -> None:
    rows = cell.rows
    lexer = Lexer(cell.lines)  # fed with Python only: `!echo "it's` must not open a string
    started = False
    index = first
    alone = sum(map(bool, map(str.strip, rows))) == 1
    while index < len(rows):
        row, start = rows[index], index
        index += 1
        replacement = None
        if lexer.at_statement and row.strip() and not row.lstrip().startswith("#"):
            if not started:
                cell.closed = not _BLOCK_GOES_ON.match(row.lstrip())
                started = True
            replacement = "pass" if alone and _ALIAS.match(row) else _replacement(row)
        if replacement is None:
            lexer.feed(start + 1)
            continue
        rows[start] = replacement
        if _TIMED.match(row):
            magics.append(Magic(cell.number, start + 1, row.strip()))
            lexer.feed(start + 1)
            continue
        while _goes_on(cell, index):
            rows[index] = ""
            index += 1
        text = "\n".join(cell.lines[number] for number in range(start + 1, index + 1))
        magics.append(Magic(cell.number, start + 1, text.strip()))
    cell.closed = cell.closed and lexer.at_statement and lexer.fault is None and not rows[-1].endswith("\\")


def _goes_on(cell: Cell, index: int) -> bool:
    """Return whether the row before `index` ends in a backslash, so that a command continues in the row at `index`."""
    return index < len(cell.rows) and cell.lines[index].endswith("\\")


def _replacement(row: str) -> str | None:
    """Return the replacement of a row that is not Python, or None for a row that may be."""
    if match := _TIMED.match(row):
        return "pass;".join(row.split("%time", 1))
    indent = _indent(row)
    if _MAGIC.match(row) or _HELP.match(row) or _AUTOMAGIC.match(row):
        return f"{indent}pass"
    if match := _ASSIGNED.match(row):
        return f"{match[1]}__magic__"
    return None
