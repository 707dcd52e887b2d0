"""A file to be reviewed: its text, its tree, and the places of its code.

    source = Source.from_bytes(data, "train.py")
    source.tree                      # libcst.Module, parsed on first use
    source.locate(calls)             # one pass for many nodes
    source.span(call)                # Span(row=3, column=9, end_row=5, end_column=2, cell=None)
    source.segment(call)             # the code as it stands there

A script is its text; a notebook is the program of its code cells, with places given by cell. Importing this package
does not import LibCST.
"""

from __future__ import annotations

import codecs
import copy
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Iterable

from ..files.discovery import is_launch_file
from ..files.limits import NOTEBOOK_SIZE_LIMIT, SIZE_LIMIT, size_limit
from . import comments, notebook, outline
from .comments import Request
from .decoding import decode, too_large
from .excerpts import one_line
from .lexer import Lexer
from .notebook import Magic
from .parsing import deeply, parse
from .spans import NEWLINE, Lines, SourceError, Span, point

if TYPE_CHECKING:
    import libcst as cst

    from ..report.report import Location
    from .syntax import Nodes

__all__ = [
    "CONFIGURATIONS", "NOTEBOOK_SIZE_LIMIT", "SIZE_LIMIT", "Magic", "Source", "SourceError", "Span", "check", "deeply",
    "kind_of", "size_limit",
]  # fmt: skip


CONFIGURATIONS = (".yaml", ".yml", ".json", ".toml")
_WORD = re.compile(r"\w+")
# Trees of the texts read last: a script is read again, with its modules, to prove its fixes. They are never changed.
_parsed: dict[str, cst.Module] = {}
KEPT = 50_000  # characters of them, which take some 10 MB
FEW = 8  # nodes that are looked for each in its own statement; whoever asks for more is given all in one pass


def kind_of(path: str) -> str:
    """Return the kind of a path by its name: "notebook", "configuration", "launch" or "script".

    "configuration" is YAML, JSON or TOML, "launch" is shell, make, just or Docker, every other name is a "script".
    """
    lower = path.lower()
    if is_launch_file(path):
        return "launch"
    return "notebook" if lower.endswith(".ipynb") else "configuration" if lower.endswith(CONFIGURATIONS) else "script"


def check(data: bytes, path: str) -> None:
    """Check that there is a text, and in a notebook cells, without reading the code. Raises SourceError.

    A file that is too large to be read is not reported.
    """
    if len(data) < size_limit(path):
        text, _, _ = decode(data, cookie=kind_of(path) == "script")
        if kind_of(path) == "notebook":
            notebook.cells_of(text)


class Source:
    """One script, notebook or configuration. `text` is the text that is read; for a script exactly that of the file.

    path      as given
    kind      "script" | "notebook" | "configuration" | "launch"
    encoding  of the file, and `bom`, whether it starts with a byte order mark
    magics    a notebook's magics and shell commands as written: Magic(cell, row, text)
    """

    def __init__(self, path: str, text: str, *, encoding: str = "utf-8", bom: bool = False) -> None:
        self.path = path
        self.kind = kind_of(path)
        self.encoding = encoding
        self.bom = bom
        self.magics: list[Magic] = []
        self._notebook: notebook.Notebook | None = None
        if self.kind == "notebook":
            self._notebook = notebook.read(text)
            self.magics = self._notebook.magics
            text = self._notebook.program()
            if len(text) >= SIZE_LIMIT:
                raise too_large(len(text), SIZE_LIMIT)
        self.text = text
        self._lines: Lines | None = None
        self._tree: cst.Module | None = None
        self._nodes: Nodes | None = None
        self._failure: SourceError | None = None
        self._problems: list[SourceError] = []
        self._ranges: dict[int, tuple[int, int]] = {}  # by the id of a node of the tree: offsets into the text
        self._spans: dict[int, Span] = {}  # the same as spans, which are asked for several times
        self._asked_for = 0  # nodes that were looked for one by one
        self._comments: comments.Comments | None = None
        self._words: frozenset[str] | None = None

    @classmethod
    def from_bytes(cls, data: bytes, path: str) -> Source:
        """Read a file's bytes. Raises SourceError("file/unreadable") with the reason and place if there is no text."""
        if len(data) >= size_limit(path):
            raise too_large(len(data), size_limit(path))
        text, encoding, bom = decode(data, cookie=kind_of(path) == "script")
        return cls(path, text, encoding=encoding, bom=bom)

    def to_bytes(self, text: str) -> bytes:
        """Return the bytes of a script with the new text `text`, in the encoding of the file."""
        return (codecs.BOM_UTF8 if self.bom else b"") + text.encode(self.encoding)

    def written_in(self, number: int) -> Source:
        """Return the program that a notebook's cell writes by `%%writefile`, with its places in the notebook."""
        assert self._notebook is not None
        made = copy.copy(self)
        made._notebook = book = self._notebook.only(number)
        made.magics, made.text = [], book.program()
        made._lines = made._tree = made._nodes = made._failure = made._comments = made._words = None
        made._problems, made._ranges, made._spans = [], {}, {}
        return made

    # The tree

    @property
    def tree(self) -> cst.Module:
        """The parsed program, empty for a configuration. Raises SourceError("file/syntax") if it is not Python.

        A cell that is not Python is left out of a notebook's program and listed in `problems`.
        """
        if self._failure is not None:
            raise self._failure
        if self._tree is None:
            try:
                self._tree = self._parse_script() if self._notebook is None else self._parse_cells(self._notebook)
            except SourceError as error:
                self._failure = error
                raise
        return self._tree

    @property
    def problems(self) -> list[SourceError]:
        """Errors of parts that could not be read: cells that are not Python. Parses the program."""
        if self._notebook is not None:
            with suppress(SourceError):
                _ = self.tree
        return self._problems

    def _parse_script(self) -> cst.Module:
        text = self.text if self.kind == "script" else ""
        tree = _parsed.get(text)
        if tree is None:
            tree = parse(text, program=True)
            for old in list(_parsed):
                if len(text) + sum(map(len, list(_parsed))) > KEPT:
                    _parsed.pop(old, None)
            _parsed[text] = tree
        return tree

    def _parse_cells(self, book: notebook.Notebook) -> cst.Module:
        doubtful = [cell for cell in book.cells if not cell.closed]
        self._leave_out(book, doubtful)
        try:
            return parse(self.text)
        except SourceError:
            self._leave_out(book, [cell for cell in book.cells if cell not in doubtful])
        try:
            return parse(self.text)
        except SourceError as error:
            raise SourceError(error.rule, error.message, self.in_cell(error.span)) from None

    def _leave_out(self, book: notebook.Notebook, cells: list[notebook.Cell]) -> None:
        """Blank those of `cells` that do not parse on their own."""
        for cell in cells:
            try:
                parse(cell.code)
            except SourceError as error:
                row = error.span.row
                column = error.span.column + cell.shift(row)
                self._problems.append(SourceError(error.rule, error.message, point(row, column, cell.number)))
                cell.blank()
        self._problems.sort(key=lambda problem: problem.span.cell or 0)
        if cells:
            self.text = book.program()
            self._lines = self._comments = self._words = None

    @property
    def words(self) -> frozenset[str]:
        r"""The words of the text, also those of its comments and strings: what `\bword\b` would find."""
        if self._words is None:
            self._words = frozenset(_WORD.findall(self.text))
        return self._words

    @property
    def nodes(self) -> Nodes:
        """The nodes of the tree, each with its parent."""
        if self._nodes is None:
            from .syntax import Nodes

            self._nodes = Nodes(self.tree)
        return self._nodes

    # Places

    def locate(self, nodes: Iterable[cst.CSTNode | Span]) -> None:
        """Find the places of many nodes of the tree in one pass, so that `span` and `segment` need no further pass."""
        wanted = [node for node in nodes if not isinstance(node, Span) and id(node) not in self._ranges]
        if wanted:
            from .positions import offsets, offsets_by_statement

            found = offsets_by_statement(self.nodes, self.text, wanted)
            self._ranges.update(offsets(self.tree, self.text, wanted) if found is None else found)

    def span(self, node: cst.CSTNode | Span) -> Span:
        """Return the place of a node of the tree, without surrounding whitespace, parentheses or comma.

        A Span is returned unchanged. Raises LookupError for a node that is not in the tree.
        """
        if isinstance(node, Span):
            return node
        span = self._spans.get(id(node))
        if span is None:
            start, end = self._range(node)
            lines = self._program_lines()
            span = Span(*lines.place(start), *lines.place(end))
            self._spans[id(node)] = span = span if self._notebook is None else self.in_cell(span)
        return span

    def segment(self, node: cst.CSTNode | Span, last: cst.CSTNode | None = None) -> str:
        """Return the code of a node, or from it to a `last` one, as written in the program; or the text at a place."""
        if isinstance(node, Span):
            return self._between(node)
        return self.text[self._range(node)[0] : self._range(node if last is None else last)[1]]

    def excerpt(self, node: cst.CSTNode | Span, limit: int = 80) -> str:
        """Return the node's code on one line, without comments, of at most `limit` characters."""
        if isinstance(node, Span):
            return self.code(node, limit)
        if id(node) in self._ranges:
            return one_line(self.segment(node), limit)
        from .positions import code_of

        return one_line(code_of(self.tree, node), limit)

    def code(self, at: Span | Location, limit: int) -> str:
        """Return the code at a place, in the form of `excerpt`."""
        return one_line(self._between(at), limit)

    def line(self, row: int, cell: int | None = None) -> str:
        """Return a line as written in the file, including magics, without its line end; "" if there is none."""
        lines = self._lines_of(cell)
        return lines[row] if 1 <= row <= len(lines) else ""

    def rows(self) -> list[tuple[int | None, int, str]]:
        """Return every line of code as (cell, row, text), as written in the file, without its line end."""
        if self._notebook is None:
            cells: list[tuple[int | None, Lines]] = [(None, self._program_lines())]
        else:
            cells = [(cell.number, cell.lines) for cell in self._notebook.cells]
        return [(number, row, lines[row]) for number, lines in cells for row in range(1, len(lines) + 1)]

    def rows_before(self, cell: int | None) -> int:
        """Return the number of rows of the program before those of a cell."""
        if self._notebook is None:
            return 0
        return next((each.first_row - 1 for each in self._notebook.cells if each.number == cell), 0)

    def newline(self, cell: int | None = None) -> str:
        """Return the line end of the text, or of a cell of a notebook: that of its first line."""
        found = NEWLINE.search(self._lines_of(cell).text)
        return found[0] if found else "\n"

    def _lines_of(self, cell: int | None) -> Lines:
        if self._notebook is None:
            return self._program_lines()
        return next((each.lines for each in self._notebook.cells if each.number == cell), Lines(""))

    def _between(self, span: Span | Location) -> str:
        if span.row == span.end_row:
            return self.line(span.row, span.cell)[span.column - 1 : span.end_column - 1]
        rows = [self.line(row, span.cell) for row in range(span.row, span.end_row + 1)]
        rows[0], rows[-1] = rows[0][span.column - 1 :], rows[-1][: span.end_column - 1]
        return "\n".join(rows)

    def _range(self, node: cst.CSTNode) -> tuple[int, int]:
        if id(node) not in self._ranges:
            from .positions import offsets, offsets_by_statement

            self._asked_for += 1
            found = offsets_by_statement(self.nodes, self.text, [node]) if self._asked_for <= FEW else None
            self._ranges.update(found if found is not None else offsets(self.tree, self.text, None))
            if id(node) not in self._ranges:
                raise LookupError(f"{type(node).__name__} is not a node of {self.path}")
        return self._ranges[id(node)]

    def _program_lines(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def in_cell(self, span: Span) -> Span:
        """A place in the program as a place in a cell."""
        book = self._notebook
        if book is None or not book.cells:
            return span
        cell = book.cell_at(span.row)
        row, end_row, end_column = span.row - cell.first_row + 1, span.end_row - cell.first_row + 1, span.end_column
        if end_row > len(cell.lines):  # the module itself, which no cell holds
            end_row, end_column = len(cell.lines), len(cell.lines[len(cell.lines)]) + 1
        else:
            end_column = min(end_column + cell.shift(end_row), len(cell.lines[end_row]) + 1)
        return Span(row, span.column + cell.shift(row), end_row, end_column, cell.number)

    # Comments

    @property
    def requests(self) -> list[Request]:
        """The `# nl2sql:` comments, with the statements that they belong to."""
        return self._said().requests

    @property
    def directives(self) -> dict[str, str]:
        """Settings of the run from comments on lines of their own: {"gpu": "16GB"} for `# gpu: 16GB`."""
        return self._said().directives

    def _said(self) -> comments.Comments:
        if self._comments is None:
            if self._notebook is not None:
                with suppress(SourceError):
                    _ = self.tree  # leaves out what is not Python; its comments say nothing
            plain = self.kind in ("configuration", "launch")
            self._comments = comments.read(self.text, outline.Outline if plain else Lexer)
            if self._notebook is not None:
                self._comments.requests[:] = map(self._request_in_cell, self._comments.requests)
        return self._comments

    def _request_in_cell(self, found: Request) -> Request:
        at = self.in_cell(point(found.row, found.column))
        rows = self.in_cell(Span(found.first_row, 1, found.last_row, 1))
        if rows.cell != at.cell:  # the last comment of a cell asks nothing of the next cell
            rows = at
        return Request(found.text, at.row, at.column, at.cell, rows.row, rows.end_row)
