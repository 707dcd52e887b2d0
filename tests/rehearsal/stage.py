"""The far side: one process that forks for every script, so that each starts clean and none can hurt the tests.

`python -m tests.rehearsal.stage` reads one JSON job a line and writes one JSON answer a line.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import gc
import importlib
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
import types
from pathlib import Path

from . import commandline, config, hub, record, standins, training, world

REAL = (
    "yaml",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
    "attr",
    "attrs",
)
RELATIVE = re.compile(r"^\s*from\s+\.", re.M)
_ = commandline, hub, training  # imported for what they register


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # scripts may print
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    real = {name for name in REAL if importlib.util.find_spec(name)}
    for name in sorted(real):
        importlib.import_module(name)
    config.install(real)
    gc.freeze()  # the children share these objects and need not look at them
    for line in sys.stdin:
        answers.write(json.dumps(rehearse(json.loads(line), real)) + "\n")
        answers.flush()


def rehearse(job: dict, real: set[str]) -> dict:
    """Run one job in a child; what it has recorded comes back even if it is stopped."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        stage, answer = os.path.realpath(folder) + "/project", os.path.join(folder, "answer.json")
        if job["alone"]:
            os.mkdir(stage)
            shutil.copy(os.path.join(job["root"], job["script"]), stage)
        else:
            shutil.copytree(
                job["root"], stage, ignore=shutil.ignore_patterns(".git", "__pycache__", "node_modules", ".venv")
            )
        child = os.fork()
        if child == 0:
            sys.stdin = open(os.devnull)  # the jobs that follow are not the script's to read
            try:
                perform(Path(stage), job, answer, real)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        try:
            return json.loads(Path(answer).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"calls": [], "error": "stopped: over the limits"}


def perform(stage: Path, job: dict, answer: str, real: set[str]) -> None:
    """In the child: furnish the world, run the script, write the answer."""
    out = os.open(answer, os.O_WRONLY | os.O_CREAT)
    path = stage / job["script"]
    standins.variant, record.root = job["variant"], str(stage)
    project = [str(path.parent), str(stage), str(stage / "src")]
    sys.path[:] = [*project, *(p for p in sys.path if p)]
    text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in stage.rglob("*.py")) + path.read_text(
        encoding="utf-8", errors="replace"
    )
    sys.meta_path.insert(0, standins.Finder(real, project))
    world.furnish(text)
    os.chdir(path.parent)
    sys.argv = [str(path)]
    error = ""
    world.limit()
    try:
        run(path, stage, job["fragment"])
    except SystemExit as stopped:
        error = f"SystemExit: {stopped.code} " if stopped.code not in (0, None) else ""
    except BaseException as failure:
        rows = [f.lineno for f in traceback.extract_tb(failure.__traceback__) if record.ours(f.filename)]
        error = f"{type(failure).__name__}: {failure} (line {rows[-1] if rows else '?'})"
    os.write(out, json.dumps({"calls": record.calls, "error": error}).encode())


def run(path: Path, stage: Path, fragment: bool) -> None:
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=str(path), __package__=None)
    sys.modules["__main__"] = main
    source = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".ipynb":
        main.__dict__.update(get_ipython=lambda: standins.made("ipython"), display=lambda *args, **kwargs: None)
        for number, cell in enumerate(json.loads(source)["cells"], 1):
            if cell["cell_type"] == "code":
                execute(blanked("".join(cell["source"])), f"{path}#{number}", main)
        return
    if RELATIVE.search(source):  # as `python -m package.module`
        package = path.parent
        while (package.parent / "__init__.py").exists() and package.parent != stage.parent:
            package = package.parent
        top = package.parent if (package / "__init__.py").exists() or package != stage else package
        sys.path.insert(0, str(top))
        main.__package__ = ".".join(path.parent.relative_to(top).parts)
        if main.__package__:
            importlib.import_module(main.__package__)
    if fragment:
        main.__dict__.update({name: standins.made(name) for name in unbound(source)})
    execute(source, str(path), main)


def unbound(source: str) -> set[str]:
    """Names that a fragment reads and nothing in it binds."""
    names = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    return {node.id for node in names} - stored - bound_otherwise(source) - set(dir(builtins))


def bound_otherwise(source: str) -> set[str]:
    """Names bound by imports, definitions and parameters."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


def execute(source: str, filename: str, main: types.ModuleType) -> None:
    record.sources[filename] = source
    tree = ast.parse(source, filename)
    futures = {a.name for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__" for a in s.names}
    flags = sum(getattr(__future__, name).compiler_flag for name in futures)
    exec(compile(tree, filename, "exec", flags=flags, dont_inherit=True), main.__dict__)


def blanked(cell: str) -> str:
    """A cell without its magics: `%%capture`, `%matplotlib inline`, `!pip install …` (also over several lines)."""
    lines, magic = cell.split("\n"), False
    first = next((line for line in lines if line.strip()), "")
    if re.match(r"%%(?!capture|time|timeit|prun)", first):
        return "\n" * (len(lines) - 1)
    for index, line in enumerate(lines):
        was, magic = magic, False
        if was or re.match(r"\s*(%|!|\?)", line):
            magic = line.rstrip().endswith("\\")
            indent = line[: len(line) - len(line.lstrip())]
            lines[index] = "" if was or line.startswith("%%") else f"{indent}pass"
    return "\n".join(lines)


if __name__ == "__main__":
    serve()
