"""Mutants of training scripts, notebooks, configurations and what lies beside them: by token, line, structure, value.

Each is drawn with a generator of its own, so that a seed and a number always give the same text of the same sources.
"""

from __future__ import annotations

import ast
import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.mutant_parts import (  # noqa: E402
    AROUND,
    BESIDE,
    CELLS,
    COMMENTS,
    FRAMES,
    LITERAL,
    NAMES,
    THINGS,
    TOKEN,
    TOKENS,
    VALUES,
)  # noqa: E402
from tests import pages  # noqa: E402
from tests.hostile.bombs import BOMBS, HEAD, TAIL  # noqa: E402

KINDS = (".py", ".ipynb", ".yaml", ".yml", ".json", ".toml", ".sh")
LARGEST = 400_000  # bytes of a source; pictures in notebooks are left out


@dataclass(frozen=True)
class Project:
    """What is mutated: files by their names in a folder, of which `script` is the one that is reviewed."""

    origin: str
    script: str
    files: dict[str, str]


def projects(public: Path | None) -> list[Project]:
    """Return the forms, fixtures, examples, bombs and, where a folder is given, the scripts in it, in a fixed order."""
    made = [
        Project(form.name, form.script, form.files)
        for page in sorted((ROOT / "tests/forms").glob("*.md"))
        for form in pages.read(page)
    ]
    for folder in ("fixtures", "examples"):
        made += _files(ROOT / folder)
    made += [
        Project(f"bomb/{name}", "train.py", {"train.py": HEAD + text + "\n" + TAIL}) for name, text in BOMBS.items()
    ]
    return made + (list(_files(public)) if public is not None else [])


def _files(top: Path) -> Iterator[Project]:
    for path in sorted(top.rglob("*")):
        name = f"{top.name}/{path.relative_to(top).as_posix()}"
        if (
            path.suffix in KINDS
            and path.is_file()
            and not any(part.startswith(".") for part in path.parts[len(top.parts) :])
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            text = _without_outputs(text) if path.suffix == ".ipynb" else text
            if len(text) < LARGEST:
                yield Project(name, path.name, {path.name: text})


def _without_outputs(text: str) -> str:
    try:
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            cell.update({key: [] for key in ("outputs",) if key in cell})
            cell.pop("attachments", None)
        notebook.get("metadata", {}).pop("widgets", None)
        return json.dumps(notebook, indent=1)
    except (ValueError, KeyError, TypeError, AttributeError):
        return text


class Mutator:
    """Draws mutants; `others` lends lines, tokens and expressions."""

    def __init__(self, draw: Random, others: list[Project]) -> None:
        self.draw, self._others = draw, others

    def project(self, one: Project) -> dict[str, bytes]:
        """Return the files of a mutant: at least one of them differs, most often the script."""
        files = {name: text.encode("utf-8", "surrogatepass") for name, text in one.files.items()}
        names = [one.script, *(name for name in files if self.draw.random() < 0.3 and name != one.script)]
        for name in names:
            text = one.files[name]
            for _ in range(min(int(self.draw.expovariate(0.5)) + 1, 12)):
                text = self.once(text, name)[: 2 * LARGEST]
            files[name] = self._bytes(text)
        for name, text in BESIDE.items():
            if self.draw.random() < 0.05 and name not in files:
                files[name] = self._bytes(self.once(text, name))
        return files

    def once(self, text: str, name: str) -> str:
        """Return a text with one thing changed."""
        ways: list[Callable[[str], str]] = [self._tokens, self._tokens, self._lines, self._lines, self._values]
        if name.endswith(".py"):
            ways += [self._python, self._python, self._values]
        elif name.endswith(".ipynb"):
            ways = [self._notebook] * 5 + ways[:1]
        elif name.endswith((".json", ".yaml", ".yml")):
            ways += [self._document, self._document]
        return self.draw.choice(ways)(text)

    def _bytes(self, text: str) -> bytes:
        if self.draw.random() < 0.03:
            text = "\ufeff" + text
        if self.draw.random() < 0.03:
            text = text.replace("\n", self.draw.choice(["\r\n", "\r", "\x0c\n", "\x00\n", "\u2028"]))
        data = text.encode(self.draw.choice(["utf-8"] * 40 + ["utf-16", "latin-1", "utf-32", "cp1252"]), "replace")
        if self.draw.random() < 0.02 and data:
            at = self.draw.randrange(len(data))
            data = data[:at] + self.draw.randbytes(self.draw.randrange(1, 9)) + data[at + 1 :]
        return data

    def _borrowed(self) -> str:
        """The script of another project."""
        other = self.draw.choice(self._others)
        return other.files[other.script]

    def _tokens(self, text: str) -> str:
        tokens = TOKEN.findall(text)
        if not tokens:
            return self.draw.choice(VALUES)
        for _ in range(self.draw.choice([1, 1, 1, 3, 20])):
            at, way = self.draw.randrange(len(tokens)), self.draw.randrange(6)
            if way == 0:
                tokens[at] = ""
            elif way == 1:
                tokens[at] *= self.draw.choice([2, 2, 2, 50, 3_000])
            elif way == 2:
                other = self.draw.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            elif way == 3:
                tokens[at] = self.draw.choice(TOKENS)
            elif way == 4:
                tokens[at] = self.draw.choice(tokens)
            else:
                tokens[at] = self.draw.choice(TOKEN.findall(self._borrowed()) or [""])
        return "".join(tokens)

    def _lines(self, text: str) -> str:
        lines = text.splitlines(keepends=True) or [""]
        at, way = self.draw.randrange(len(lines)), self.draw.randrange(10)
        if way == 0:
            del lines[at : at + self.draw.choice([1, 1, 5])]
        elif way == 1:
            lines[at] *= self.draw.choice([2, 2, 20, 500])
        elif way == 2:
            other = self.draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif way == 3:
            lines[at] = " " * self.draw.choice([1, 4, 8, 2_000]) + lines[at]
        elif way == 4:
            lines[at] = lines[at].lstrip()
        elif way == 5:
            lines = lines[:at]
        elif way == 6:
            theirs = self._borrowed().splitlines(keepends=True) or [""]
            start = self.draw.randrange(len(theirs))
            lines[at:at] = theirs[start : start + self.draw.choice([1, 3, 30])]
        elif way == 7:
            lines[at] = lines[at].rstrip("\r\n")
        elif way == 8:
            lines[at] = lines[at].rstrip("\r\n") + self.draw.choice(COMMENTS) + "\n"
        else:
            end = min(len(lines), at + self.draw.choice([2, 5, 40]))
            lines[at:end] = self.draw.sample(lines[at:end], end - at)
        return "".join(lines)

    def _values(self, text: str) -> str:
        found = list(LITERAL.finditer(text))
        if not found:
            return text + self.draw.choice(VALUES)
        at = self.draw.choice(found)
        return text[: at.start()] + self.draw.choice(VALUES) + text[at.end() :]

    def _python(self, text: str) -> str:
        """Change the tree of a program; a program that is none any more changes by its lines."""
        try:
            tree = ast.parse(text)
            made = _Python(self.draw, tree, self._borrowed).changed()
            return ast.unparse(ast.fix_missing_locations(made)) + "\n"
        except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, AttributeError, IndexError):
            return self._lines(text)

    def _notebook(self, text: str) -> str:
        try:
            made = json.loads(text)
            cells = made["cells"]
            cell = self.draw.choice([one for one in cells if one["cell_type"] == "code"])
            way = self.draw.randrange(8)
            if way < 5:
                cell["source"] = self.once("".join(cell["source"]), "cell.py").splitlines(keepends=True)
            elif way == 5:
                self.draw.shuffle(cells)
            elif way == 6:
                cells.insert(self.draw.randrange(len(cells) + 1), self.draw.choice(CELLS))
            else:
                made = self._thing(made)
            return json.dumps(made, indent=1)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            return self._lines(text)

    def _document(self, text: str) -> str:
        """Change a value of a configuration; the text of one that is YAML with marks changes by its values."""
        try:
            return json.dumps(self._thing(json.loads(text)), indent=1)
        except (ValueError, RecursionError):
            pass
        import yaml

        try:
            made = self._thing(yaml.safe_load(text))
            return yaml.safe_dump(made, sort_keys=False, allow_unicode=True)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError):
            return self._values(text)

    def _thing(self, thing: Any) -> Any:
        """Return a document with one value of it replaced, removed, nested or moved to where another stands."""
        places: list[tuple[Any, Any]] = []
        waiting = [thing]
        while waiting:
            one = waiting.pop()
            keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
            places += [(one, key) for key in keys]
            waiting += [one[key] for key in keys]
        if not places:
            return self.draw.choice(THINGS)
        holder, key = self.draw.choice(places)
        way = self.draw.randrange(5)
        if way == 0:
            del holder[key]
        elif way == 1:
            holder[key] = copy.deepcopy(self.draw.choice(THINGS))
        elif way == 2:
            other, place = self.draw.choice(places)
            if place in other if isinstance(other, dict) else place < len(other):
                holder[key] = copy.deepcopy(other[place])
        elif way == 3:
            for _ in range(self.draw.choice([1, 1, 100])):
                holder[key] = self.draw.choice([[holder[key]], {"a": holder[key]}, {str(key): holder[key]}])
        elif isinstance(holder, dict):
            holder[self.draw.choice(NAMES)] = holder.pop(key)
        return thing


class _Python:
    """One change of a program's tree."""

    def __init__(self, draw: Random, tree: ast.Module, borrowed: Callable[[], str]) -> None:
        self._draw, self._tree, self._borrow = draw, tree, borrowed

    def changed(self) -> ast.Module:
        way = self._draw.choice(
            [self._wrap, self._wrap, self._replace, self._replace, self._call, self._move, self._rename]
        )
        way()
        return self._tree

    def _bodies(self) -> list[list[ast.stmt]]:
        found = [getattr(node, name, None) for node in ast.walk(self._tree) for name in ("body", "orelse", "finalbody")]
        return [body for body in found if isinstance(body, list) and body]

    def _wrap(self) -> None:
        body = self._draw.choice(self._bodies())
        start = self._draw.randrange(len(body))
        end = min(len(body), start + self._draw.choice([1, 1, 3, 20]))
        for _ in range(self._draw.choice([1, 1, 1, 2, 15])):
            frame = ast.parse(self._draw.choice(FRAMES))
            inner = next(one for one in reversed([*ast.walk(frame)]) if isinstance(one, ast.Pass))
            for holder in ast.walk(frame):
                for name in ("body", "orelse", "finalbody"):
                    held = getattr(holder, name, None)
                    if isinstance(held, list) and inner in held:
                        held[:] = body[start:end]
            body[start:end] = frame.body
            end = start + len(frame.body)

    def _replace(self) -> None:
        """Put an expression of this program, of another, or a value where another expression stands."""
        holders = [
            node for node in ast.walk(self._tree) if any(isinstance(v, ast.expr) for _, v in ast.iter_fields(node))
        ]
        holder = self._draw.choice(holders)
        fields = [name for name, value in ast.iter_fields(holder) if isinstance(value, ast.expr)]
        name = self._draw.choice(fields)
        tree = self._tree if self._draw.random() < 0.5 else ast.parse(self._borrow())
        given = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
        new = copy.deepcopy(self._draw.choice(given))
        if self._draw.random() < 0.4:
            new = ast.parse(self._draw.choice(VALUES).strip(), mode="eval").body
        if self._draw.random() < 0.3:
            around = ast.parse(self._draw.choice(AROUND), mode="eval").body
            old = getattr(holder, name)
            new = _Filled(old).visit(around)
        setattr(holder, name, new)

    def _call(self) -> None:
        calls = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call) and (node.args or node.keywords)]
        call = self._draw.choice(calls)
        way = self._draw.randrange(6)
        if way == 0 and call.keywords:
            call.keywords.append(copy.deepcopy(self._draw.choice(call.keywords)))
        elif way == 1:
            self._draw.shuffle(call.args)
        elif way == 2:
            named = [word for word in call.keywords if word.arg]
            call.keywords = [word for word in call.keywords if not word.arg]
            values = ast.Dict([ast.Constant(word.arg) for word in named], [word.value for word in named])
            call.keywords.append(ast.keyword(None, values))
        elif way == 3 and call.keywords:
            call.args.append(call.keywords.pop(self._draw.randrange(len(call.keywords))).value)
        elif way == 4:
            theirs = [
                node for node in ast.walk(ast.parse(self._borrow())) if isinstance(node, ast.Call) and node.keywords
            ]
            call.keywords += copy.deepcopy(self._draw.choice(theirs).keywords)
        elif call.keywords:
            self._draw.choice(call.keywords).arg = self._draw.choice(NAMES)

    def _move(self) -> None:
        bodies = self._bodies()
        source, target = self._draw.choice(bodies), self._draw.choice(bodies)
        taken = (
            source.pop(self._draw.randrange(len(source))) if self._draw.random() < 0.5 else self._draw.choice(source)
        )
        if not source:
            source.append(ast.Pass())
        if all(body is not target for node in ast.walk(taken) for body in vars(node).values()):
            target.insert(self._draw.randrange(len(target) + 1), copy.deepcopy(taken))

    def _rename(self) -> None:
        names = [node for node in ast.walk(self._tree) if isinstance(node, ast.Name)]
        self._draw.choice(names).id = self._draw.choice(names).id


class _Filled(ast.NodeTransformer):
    def __init__(self, old: ast.expr) -> None:
        self._old = old

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._old if node.id == "HOLE" else node
