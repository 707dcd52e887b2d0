"""The house's laws: who may import whom, what stands where, how large a file may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review import rulebook
from nl2sql_review.plan import FACTS

PACKAGE = Path(rulebook.__file__).parent
# A room imports only rooms above it. Rooms on one line do not know each other.
ROOMS = [
    ["values", "resources", "shape", "report", "git", "keep", "limits", "exits"],
    ["disk"],
    ["projects"],
    ["source"],
    ["api"],
    ["interpret"],
    ["plan"],
    ["flavours", "memory"],
    ["readers"],
    ["expectations"],
    ["rulebook"],
    ["settings", "discovery"],
    ["decide"],
    ["claims", "suppress", "fingerprint", "touched"],
    ["judge"],
    ["fixes", "baseline", "changes"],
    ["review"],
    ["fixing", "ignores"],
    ["rows"],
    ["render"],
    ["cache"],
    ["workers"],
    ["batch"],
    ["sizing"],
    ["schemas"],
    ["serve", "preflight"],
    ["arguments"],
    ["console"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
LONGEST = 450  # lines: what one reads in a sitting
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return str(path.relative_to(PACKAGE))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(line, absolute module) of every import of ours in a file, those inside functions and for types included."""
    package = ("nl2sql_review", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_only_rooms_above_it(path):
    room = room_of(path)
    if room == "__init__":
        assert not [m for _, m in imports(path) if m.startswith("nl2sql_review")]
        return
    assert room in FLOOR, f"{room} is a new room: give it its place in ROOMS"
    for line, module in imports(path):
        parts = module.split(".")
        if parts[0] != "nl2sql_review" or len(parts) < 2 or parts[1] not in FLOOR or parts[1] == room:
            continue
        assert FLOOR[parts[1]] < FLOOR[room], f"{name_of(path)}:{line} imports {parts[1]}, which lies below it"


def test_no_import_cycles_between_files():
    """At import time; an import inside a function is a way of not paying for it, and is held to the floors above."""
    known = {module_of(p): p for p in FILES}
    graph = {m: {nearest(t, known) for t in top_level(p)} - {m, ""} for m, p in known.items()}
    done: set[str] = set()

    def visit(module, path):
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def nearest(module, known):
    """The file that importing `module` runs: itself, or the package that holds the name."""
    return module if module in known else module.rpartition(".")[0] if module.rpartition(".")[0] in known else ""


def top_level(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for n in ast.walk(f)}
    for_types = {
        id(n)
        for i in ast.walk(tree)
        if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.dump(i.test)
        for n in ast.walk(i)
    }
    lines = {
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in inside | for_types
    }
    return [m for line, m in imports(path) if line in lines]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_read_in_a_sitting_and_named_for_what_it_is(path):
    assert path.stem not in ("utils", "util", "common", "helpers", "helper", "misc")
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST, f"{lines} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_libcst_is_asked_only_where_the_running_python_is_too_old(path):
    if path.stem not in ("parsing", "lowering"):
        assert not [f"{name_of(path)}:{line}" for line, module in imports(path) if module.startswith("libcst")]


DECIDING = ("interpret", "readers", "api", "flavours", "settings", "projects", "rulebook", "baseline")
LOOKS = re.compile(
    r"os\.path\.(?:exists|lexists|isfile|isdir|islink|getsize|getmtime|realpath|samefile)\(|os\.(?:stat|listdir|scandir)\("
    r"|\.(?:resolve|is_file|is_dir|exists|read_text|read_bytes|iterdir|glob|rglob|stat|samefile)\(|(?<![\w.])open\("
)
# Of our own package, which the cache knows anyway; of a pipe, which `seen_once` says; or of a model of Python, as a text.
OTHERWISE = (
    "FILE.read_text",
    "FOLDER /",
    "os.stat(__file__)",
    'open(path, "rb")',
    "Known(Opaque(",
    "def ",
    '"open(',
    "@model",
)


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in DECIDING and p.stem != "build"], ids=name_of)
def test_what_decides_a_review_is_asked_through_one_door(path):
    """`disk.py` notes it for the cache; in the interpreter `m.project` asks there."""
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = LOOKS.search(line.partition("  #")[0])
        allowed = any(part in line for part in (*OTHERWISE, "disk.", "project."))
        assert not found or allowed, f"{name_of(path)}:{row}: {line.strip()}"


# -- policy stands in rules --------------------------------------------------------------------------------------

JUDGING = ("readers", "expectations", "rulebook", "settings", "decide", "claims", "suppress", "judge", "review")


def policy():
    """The numbers the rules expect, without the small ones that every program counts arguments with."""
    numbers = {
        value
        for rule in rulebook.load().active
        for _, expected in rule.head.expectations
        for wanted in expected.given().values()
        for value in (wanted if isinstance(wanted, tuple) else (getattr(wanted, "value", wanted),))
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    return {n for n in numbers if n > 4 or n != int(n)}


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in JUDGING], ids=name_of)
def test_no_policy_number_decides_in_python(path):
    """Nothing is compared with a number that a rule expects: 16, 2e-4 and 0.03 stand in rules/ only."""
    numbers = policy()
    assert 16 in numbers
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            used = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) in (int, float)}
            assert not used & numbers, f"{name_of(path)}:{node.lineno}"


@pytest.mark.parametrize("rule", rulebook.load().active, ids=lambda r: r.id)
def test_a_head_speaks_facts_and_not_the_names_of_a_library(rule):
    """No call and no argument's name; argument values ("unsloth", "cosine") are policy and belong there."""
    from nl2sql_review.readers import defaults

    arguments = {
        key
        for table in vars(defaults).values()
        if isinstance(table, dict)
        for key in table
        if isinstance(key, str) and "_" in key
    }
    when = [rule.head.when] if rule.head.when else []
    for expected in (*(e for _, e in rule.head.expectations), *when):
        for wanted in expected.given().values():
            for word in wanted if isinstance(wanted, tuple) else (wanted,):
                if isinstance(word, str):
                    assert not re.search(r"[(=]", word), word
                    assert word not in arguments, word
    assert set(rule.head.facts) <= set(FACTS)


# -- imports cost time -------------------------------------------------------------------------------------------


def loaded_by(code):
    script = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent, check=True
    )
    return {m.split(".")[0] for m in done.stdout.split()}


def test_the_command_line_loads_nothing_heavy():
    assert not loaded_by("import nl2sql_review.cli") & {"libcst", "pydantic", "rich", "yaml", "difflib", "inspect"}


def test_reading_rules_and_settings_loads_no_pydantic():
    assert not loaded_by(
        "from nl2sql_review import rulebook, settings; settings.configure(rulebook.load(), settings.load('.'))"
    ) & {"libcst", "pydantic", "rich"}
