"""The only access to the disk: files of the project, of limited size, inside its root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...files import disk
from ...source import Source

if TYPE_CHECKING:
    from ...libraries.chosen import Versions
    from .recording import Recording

MAX_BYTES = 2_000_000
MAX_FILES = 200


class Project:
    """Reader of files below `root`. Records the files read and the files not found, for displays of a plan."""

    def __init__(
        self,
        root: Path | None,
        script: Path | None,
        drafts: Mapping[str, bytes] | None = None,
        reviewed: Source | None = None,
        versions: Callable[[Recording], Versions] | None = None,
    ) -> None:
        self.root = resolved(root) if root is not None else None
        self.script = resolved(script) if script is not None else None
        self.reviewed = reviewed  # the file under review, where it is a module of the script
        self._versions = versions
        self.read_files: dict[str, int] = {}
        self.missing: dict[str, None] = {}
        self._contents: dict[Path, bytes | None] = {}
        self._drafts = drafts or {}  # real path -> what the file would hold, were it written
        self._whole: str = getattr(drafts, "top", "")  # a folder of which the drafts are all files: a commit's

    def versions(self, recording: Recording) -> Versions | None:
        """Return the versions of the libraries by which the script is judged, by what it has done so far."""
        return self._versions(recording) if self._versions is not None else None

    def inside(self, file: Path) -> Path | None:
        """Return the real path of `file` if it lies in the project (symbolic links followed), else None."""
        if self.root is None:
            return None
        try:
            real = resolved(file)
        except (OSError, RuntimeError, ValueError):
            return None
        return real if real == self.root or self.root in real.parents else None

    def read(self, file: Path) -> bytes | None:
        """Return the bytes of a file of the project, or None if it is missing, outside the project, or too large."""
        if file in self._contents:
            return self._contents[file]
        data: bytes | None = None
        real = self.inside(file) if self._is_there(file) else None  # most files that are asked for are not there
        if real is not None and len(self.read_files) < MAX_FILES:
            draft = self._drafts.get(str(real))
            data = draft if draft is not None else disk.read(real, MAX_BYTES)
        self._contents[file] = data
        if data is None:
            self.missing[str(file)] = None
        else:
            self.read_files[str(real)] = len(data)
        return data

    def _is_there(self, file: Path) -> bool:
        if not self._drafts:
            return disk.is_file(file)
        real = str(resolved(file))
        return real in self._drafts or not self._is_elsewhere(real) and disk.is_file(file)

    def _is_elsewhere(self, real: str) -> bool:
        """Return whether a file is not part of the commit that is read."""
        return bool(self._whole) and real.startswith(self._whole + "/")

    def is_file(self, path: Path) -> bool:
        return self._is_there(path) and self.inside(path) is not None

    def is_dir(self, path: Path) -> bool:
        return disk.is_folder(path) and self.inside(path) is not None

    def has_python(self, path: Path, depth: int = 2) -> bool:
        """Return whether a folder may be a package: it or a folder in it, down to `depth`, holds modules."""
        names = disk.names(path)
        if any(name.endswith(".py") for name in names):
            return True
        inner = [path / name for name in names if "." not in name] if depth else []
        return any(disk.is_folder(folder) and self.has_python(folder, depth - 1) for folder in inner)

    def is_reviewed(self, file: Path) -> bool:
        """Return whether a module of the project is the file under review."""
        return self.reviewed is not None and resolved(file) == resolved(Path(self.reviewed.path))

    def display(self, file: Path) -> str:
        """Return the path to show to users: relative to the working directory if the file lies below it."""
        try:
            return resolved(file).relative_to(Path.cwd()).as_posix()
        except (ValueError, OSError):
            return file.as_posix()


def resolved(path: Path) -> Path:
    """Return the absolute path with all links followed."""
    return Path(disk.real(path))
