"""The house's laws: who may import whom, what stands where, how large a file may grow."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from nl2sql_review.policy import rulebook
from nl2sql_review.training_plan.facts import FACTS

PACKAGE = Path(rulebook.__file__).parents[1]
# A room imports only rooms before it.
ROOMS = (
    "report files training_plan source libraries interpret flavours launches gpu_memory data_files readers policy "
    "judgement fixes adoption run rows render differences __init__ serve preflight commands cli __main__"
).split()
FLOOR = {room: floor for floor, room in enumerate(ROOMS)}
LONGEST = 460  # lines: what one reads in a sitting


@dataclass(eq=False)
class Module:
    """A file of the package, read and parsed once for all laws."""

    path: Path
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    @property
    def name(self) -> str:
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def room(self) -> str:
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def dotted(self) -> str:
        parts = self.path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @functools.cached_property
    def imports(self) -> list[tuple[ast.stmt, str]]:
        """(statement, absolute module) of every import, those inside functions and for types included."""
        package = ("nl2sql_review", *self.path.relative_to(PACKAGE).parts[:-1])
        found: list[tuple[ast.stmt, str]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(node, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else ()
                module = ".".join((*base, *filter(None, [node.module])))
                found += [(node, f"{module}.{alias.name}") for alias in node.names]
        return found

    def at_import_time(self) -> list[str]:
        """What importing the file imports: nothing inside functions, nothing for types alone."""
        now: set[int] = set()
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            if not for_types and not isinstance(node, (ast.FunctionDef, ast.Lambda)):
                now.add(id(node))
                waiting += ast.iter_child_nodes(node)
        return [module for node, module in self.imports if id(node) in now]


def module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    return Module(path, text, tree, tuple(ast.walk(tree)))


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return [module(path) for path in sorted(PACKAGE.rglob("*.py"))]


def test_a_room_imports_only_rooms_above_it(modules: list[Module]) -> None:
    wrong = [f"{one.room} is a new room: give it its place in ROOMS" for one in modules if one.room not in FLOOR]
    for one in modules:
        for node, target in one.imports:
            parts = target.split(".")
            if parts[0] != "nl2sql_review" or len(parts) < 2 or parts[1] not in FLOOR or parts[1] == one.room:
                continue
            if FLOOR[parts[1]] >= FLOOR[one.room]:
                wrong.append(f"{one.name}:{node.lineno} imports {parts[1]}, which lies below it")
    assert wrong == []


def test_no_import_cycles_between_files(modules: list[Module]) -> None:
    """At import time; an import inside a function is a way of not paying for it, and is held to the floors above."""
    known = {one.dotted for one in modules}
    graph = {
        one.dotted: {nearest(target, known) for target in one.at_import_time()} - {one.dotted, ""} for one in modules
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def nearest(target: str, known: set[str]) -> str:
    """The file that importing `target` runs: itself, or the package that holds the name."""
    return target if target in known else target.rpartition(".")[0] if target.rpartition(".")[0] in known else ""


def test_a_file_is_read_in_a_sitting_and_named_for_what_it_is(modules: list[Module]) -> None:
    bad = ("utils", "util", "common", "helpers", "helper", "misc")
    assert [one.name for one in modules if one.path.stem in bad] == []
    lines = {one.name: one.text.count("\n") for one in modules}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


MOST_BARE_ANY, MOST_IGNORED = 40, 15


def is_bare_any(annotation: ast.expr | None) -> bool:
    """Whether an annotation is `Any`, or a union with it, which says as little."""
    match annotation:
        case ast.Name(id="Any") | ast.Attribute(attr="Any"):
            return True
        case ast.Constant(value=str(text)):
            return is_bare_any(ast.parse(text, mode="eval").body)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return is_bare_any(left) or is_bare_any(right)
        case ast.Subscript(value=ast.Name(id="Optional" | "Union" | "Annotated"), slice=inside):
            return any(map(is_bare_any, inside.elts if isinstance(inside, ast.Tuple) else [inside]))
    return False


def test_what_counts_as_bare_any():
    function = ast.parse(
        "def f(a: Any, b: 'Any', c: Any | None, d: Optional[Any], e: Union[int, Any], *f: Any, g: t.Any, **h: Any): ..."
    ).body[0]
    assert len(bare_parameters(function)) == 8
    function = ast.parse(
        "def f(a, b: int, c: list[Any], d: Callable[[Any], Any], *e: object, f: 'str | None' = None): ..."
    )
    assert bare_parameters(function.body[0]) == []


def bare_parameters(function: ast.AST) -> list[str]:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [f"{function.name}({arg.arg})" for arg in every if is_bare_any(arg.annotation)]


def test_parameters_have_types_and_what_mypy_passes_over_has_a_reason(modules: list[Module]) -> None:
    bare = [
        f"{one.name}:{node.lineno}: {name}" for one in modules for node in one.nodes for name in bare_parameters(node)
    ]
    assert len(bare) <= MOST_BARE_ANY, "\n".join(bare)
    aliases = [
        f"{one.name}:{node.lineno}"
        for one in modules
        for node in one.nodes
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and isinstance(node.value, (ast.Name, ast.Attribute, ast.BinOp))
        if is_bare_any(node.value)
    ]
    assert aliases == [], "Any under another name is Any"
    lines = [(one.name, n, line) for one in modules for n, line in enumerate(one.text.splitlines(), 1)]
    ignored = [(name, n, line) for name, n, line in lines if re.search(r"#\s*type:\s*ignore", line)]
    assert len(ignored) <= MOST_IGNORED, "\n".join(f"{name}:{n}" for name, n, _ in ignored)
    reasoned = re.compile(r"# type: ignore\[[a-z-]+(,[a-z-]+)*\]  # \w.+")
    assert [f"{name}:{n}" for name, n, line in ignored if not reasoned.search(line)] == []


def test_libcst_is_the_one_parser_and_its_slow_parts_are_not_used(modules: list[Module]) -> None:
    slow = ("libcst.matchers", "libcst.metadata", "libcst.codemod", "libcst.helpers")
    wrong = [
        f"{one.name}:{node.lineno} imports {target}"
        for one in modules
        for node, target in one.imports
        if target.startswith(slow) or target.split(".")[0] in ("ast", "_ast", "tokenize", "parser")
    ]
    assert wrong == []


DECIDING = ("interpret", "readers", "libraries", "flavours", "policy")
LOOKS = re.compile(
    r"os\.path\.(?:exists|lexists|isfile|isdir|islink|getsize|getmtime|realpath|samefile)\(|os\.(?:stat|listdir|scandir)\("
    r"|\.(?:resolve|is_file|is_dir|exists|read_text|read_bytes|iterdir|glob|rglob|stat|samefile)\(|(?<![\w.])open\("
)
# Of our own package, which the cache knows anyway; of a pipe, which `seen_once` says; or of a model of Python, as a
# text.
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


def test_what_decides_a_review_is_asked_through_one_door(modules: list[Module]) -> None:
    """`disk.py` notes it for the cache; in the interpreter `m.project` asks there."""
    wrong = [
        f"{one.name}:{row}: {line.strip()}"
        for one in modules
        if one.room in DECIDING and one.path.stem not in ("build", "refresh", "changes", "wheels")
        for row, line in enumerate(one.text.splitlines(), 1)
        if LOOKS.search(line.partition("  #")[0])
        and not any(part in line for part in (*OTHERWISE, "disk.", "project."))
    ]
    assert wrong == []


# -- policy stands in rules --------------------------------------------------------------------------------------

JUDGING = ("readers", "policy", "judgement")


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


def test_no_policy_number_decides_in_python(modules: list[Module]) -> None:
    """Nothing is compared with a number that a rule expects: 16, 2e-4 and 0.03 stand in rules/ only."""
    numbers = policy()
    assert 16 in numbers
    wrong = []
    for one in modules:
        for node in one.nodes if one.room in JUDGING else ():
            if isinstance(node, (ast.Compare, ast.MatchValue)):
                used = {
                    n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) in (int, float)
                }
                if used & numbers:
                    wrong.append(f"{one.name}:{node.lineno}: {used & numbers}")
    assert wrong == []


def test_a_head_speaks_facts_and_not_the_names_of_a_library() -> None:
    """No call and no argument's name; argument values ("unsloth", "cosine") are policy and belong there."""
    from nl2sql_review.readers import defaults

    arguments = {
        key
        for table in vars(defaults).values()
        if isinstance(table, dict)
        for key in table
        if isinstance(key, str) and "_" in key
    }
    for rule in rulebook.load().active:
        when = [rule.head.when] if rule.head.when else []
        for expected in (*(e for _, e in rule.head.expectations), *when):
            for wanted in expected.given().values():
                for word in wanted if isinstance(wanted, tuple) else (wanted,):
                    if isinstance(word, str):
                        assert not re.search(r"[(=]", word) and word not in arguments, (rule.id, word)
        assert set(rule.head.facts) <= set(FACTS), rule.id


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
        "from nl2sql_review.policy import active_rules, settings; active_rules.active_rulebook(settings.load('.'))"
    ) & {"libcst", "pydantic", "rich"}


def test_screening_a_directory_loads_no_reader_of_configurations():
    """What the cache answers asks it too."""
    loaded = loaded_by("from nl2sql_review import flavours; flavours.screening()")
    assert not loaded & {"libcst", "dataclasses", "inspect", "pathlib", "json", "yaml"}


def test_a_configuration_is_reviewed_without_libcst():
    """Its keys are read where no tree is: only a script costs the parser, and the fixes of what is shown."""
    configurations = sorted(map(str, (PACKAGE.parent / "fixtures/configs").rglob("*.yaml")))
    assert len(configurations) > 10
    loaded = loaded_by(
        "from nl2sql_review import cli; "
        f"print(cli.main(['--isolated', '--no-cache', '-j', '1', '--color', 'never', *{configurations}]), 'exit')"
    )
    assert {"1", "exit", "yaml"} <= loaded
    assert "libcst" not in loaded


FIRST = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [one for one in sys.modules if one.startswith("nl2sql_review.readers")]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""


def test_any_reader_may_be_the_first_that_is_imported():
    readers = sorted(PACKAGE.glob("readers/*.py")) + sorted(PACKAGE.glob("readers/*/__init__.py"))
    parts = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in readers]
    names = [".".join(parts).removesuffix(".__init__") for parts in parts]
    done = subprocess.run([sys.executable, "-c", FIRST, *names], capture_output=True, text=True, check=False)
    assert len(names) > 30 and done.stderr == ""
