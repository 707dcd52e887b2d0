"""Scripts of a project that run the code of another file: they import it, or a module that imports it.

Found by the text of their imports, so that only scripts that may be the program are interpreted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from ..files import disk
from . import project_scripts

MOST = 8  # scripts that are returned
MOST_MODULES = 60  # through which a script may import the file
TRAINS = re.compile(r"train|tun|sft|lora|main|run|dpo|grpo")  # in the name of a script that is looked at first
# A statement in a script, or in the JSON of a notebook, where a quote or an escaped line break precedes it.
IMPORT = re.compile(
    rb"""(?:^|"|\\n)[ \t]*(?:from[ \t]+(?=[\w.])(\.*)(\w[\w.]*|)[ \t]+import\b(?:[ \t]*\(([^)]*)|([^\n#;"]*))"""
    rb"""|import[ \t]+([^\n#;"]+))""",
    re.MULTILINE,
)
WORD = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
STARTS = re.compile(rb"__name__\W{1,8}__main__")


def of(path: str, root: str, drafts: Mapping[str, bytes]) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return the scripts below `root` that import a file, directly or through modules, with their contents.

    There are at most `MOST`; those that sound like training come first. `drafts` are the files in an edited state, by
    real path. A module that others import is no script, unless it has a `__main__` of its own. Also return the real
    paths of all files that were searched: a change in any may add a script.
    """
    own, top = disk.real(path), disk.real(root)
    if not own.startswith(top + os.sep):
        return [], []
    texts = project_scripts.texts(top, drafts)
    imports: dict[str, list[str]] = {}
    scripts: list[str] = []
    reached = [own]
    for module in reached:  # it grows on the way
        inside, stem = _inside(module, top)
        importing = []
        for name, text in texts.items():
            if stem in text and name != module:
                if name not in imports:
                    imports[name] = list(_imported(text, name, top))
                if any(inside.endswith(one) for one in imports[name]):
                    importing.append(name)
        is_program = not importing and os.path.basename(module) != "__init__.py"
        if module != own and (is_program or STARTS.search(texts[module])):
            scripts.append(module)
        reached += [name for name in importing if name not in reached][: MOST_MODULES - len(reached)]
    first = sorted(scripts, key=lambda name: TRAINS.search(os.path.basename(name)) is None)[:MOST]
    return [(name, texts[name]) for name in first], list(texts)


def _inside(module: str, top: str) -> tuple[str, bytes]:
    """Return the path of a module below `top` as `/package/module`, and its name."""
    file = os.path.dirname(module) if os.path.basename(module) == "__init__.py" else os.path.splitext(module)[0]
    path = "/" + os.path.relpath(file, top).replace(os.sep, "/")
    return path, os.path.basename(file).encode("utf-8", "surrogateescape")


def _imported(text: bytes, path: str, top: str) -> Iterator[str]:
    """Yield the ends of the paths of what a script may import, whichever folder its imports are searched in."""
    for dots, base, several, rest, plain in IMPORT.findall(text):
        folder = os.path.dirname(path)
        for _ in dots[1:]:
            folder = os.path.dirname(folder)
        package = "/" + os.path.relpath(folder, top).replace(os.sep, "/") if dots and folder != top else ""
        before = f"{package}/{base.decode().replace('.', '/')}".rstrip("/")
        if base:
            yield before
        for name in WORD.findall(plain or several or rest):
            yield f"{before}/{name.decode().replace('.', '/')}"
