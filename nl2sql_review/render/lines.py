"""The lines of the files that a report speaks of, read again when they are shown."""

from __future__ import annotations

from typing import Any

from ..report import Location


class Lines:
    """Callable: a location → the line it starts on, without its end; None when it cannot be read any more."""

    def __init__(self, stdin: tuple[str, bytes] | None = None) -> None:
        self._stdin = stdin
        self._files: dict[str, dict[int | None, list[str]]] = {}  # path -> cell (None in a script) -> lines

    def __call__(self, location: Location) -> str | None:
        if location.path not in self._files:
            self._files[location.path] = self._read(location.path)
        lines = self._files[location.path].get(location.cell, [])
        return lines[location.row - 1] if 0 < location.row <= len(lines) else None

    def _read(self, path: str) -> dict[int | None, list[str]]:
        if self._stdin is not None and path == self._stdin[0]:
            data = self._stdin[1]
        else:
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except (OSError, ValueError):
                return {}
        if path.endswith(".ipynb"):
            return dict(enumerate(_cells(data), 1))
        return {None: _split(_decode(data))}


def _decode(data: bytes) -> str:
    """As Python reads it: the declared encoding, else UTF-8; what does not decode is shown as such."""
    if b"coding" in data[:400]:
        import io
        from tokenize import detect_encoding

        try:
            return data.decode(detect_encoding(io.BytesIO(data).readline)[0], "replace")
        except (SyntaxError, LookupError, ValueError):
            pass
    return data.decode("utf-8-sig", "replace")


def _cells(data: bytes) -> list[list[str]]:
    import json

    try:
        notebook: Any = json.loads(data)
        sources = [cell.get("source", "") for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    return [_split("".join(map(str, source)) if isinstance(source, list) else str(source)) for source in sources]


def _split(text: str) -> list[str]:
    """Lines as Python counts them: form feeds and the like do not end one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
