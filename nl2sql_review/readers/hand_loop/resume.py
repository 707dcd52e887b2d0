"""Whether a hand-written training loop continues an earlier run: whether code that loads one is there, and runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ...source import Source
from ...source.lexer import Lexer
from ...source.spans import Lines
from ...source.syntax import dotted, walk
from ...training_plan.facts import Fact
from ...training_plan.values import Default, Known
from ..run import Run
from ..unread_settings import idle_options, reads_whole
from . import unread

CONTINUES = re.compile(
    r"(?i)resum|load_(?:state|checkpoint|adapter)|torch\.load|PeftModel\.from_pretrained|is_trainable|"
    r"(?:from|last|latest)_(?:checkpoint|step)|set_peft_model_state"
)
# `return cfg.get("resume_from", None)`, `resume = args.resume`: reads a setting, and loads nothing
READS = re.compile(r"(?:return|[\w.]{1,60}(?:: ?[\w. |]{1,40})? =) [\w.\[\]'\"]{1,80}(?:\.get\([^()]{0,80}\))?")
DECLARES = re.compile(r"[\w.]{1,60}\.add_argument\([^()]{0,400}\)")
ASKS = ("bool", "hasattr", "isinstance", "len", "str")
OF_THE_LANGUAGE = ("classmethod", "staticmethod", "property")


def continued(run: Run) -> Fact:
    """Return "never" for a loop whose code has nothing that loads the state of an earlier run, or does not run it."""
    modules = [made.source for made in run.recording.modules.values() if made.source is not run.source]
    sources = (run.source, *modules)
    idle = [place.source.segment(place.node) for place in idle_options(run, *modules)]
    loading = [source for source in sources if CONTINUES.search(code(source, idle))]
    by = left_to(run, loading, sources) if loading else ""
    if run.recording.broken or by is None:
        return unread(run, "whether it continues an earlier run")
    place = run.backward[0].place
    return Fact(Default("never", by, (place,)) if by else Known("never", (place,)), at=place)


def code(source: Source, idle: list[str]) -> str:
    """Return the text of a source without its comments and some pieces of code that have no effect."""
    text: str = source.text
    for piece in idle:
        text = text.replace(piece, "...")
    lines = Lines(text)
    comments = {comment.row: comment.column - 1 for comment in Lexer(lines).run().comments}
    return "\n".join(lines[row][: comments.get(row)] for row in range(1, len(lines) + 1))


def left_to(run: Run, loading: list[Source], sources: tuple[Source, ...]) -> str | None:
    """Return what would make the script load an earlier run, "" if nothing would, or None if it may do so anyway."""
    recording, by = run.recording, ""
    if recording.exhausted or recording.left_out or "" in recording.not_followed:
        return None
    waiting: list[cst.FunctionDef] = []
    told_whole = any(map(reads_whole, sources))
    for source in loading:
        for statement, text in statements(source):
            if not CONTINUES.search(text) or READS.fullmatch(text):
                continue
            if id(statement) in recording.ran:
                asks = isinstance(statement, cst.If) and only_asks(statement.test)
                declares = DECLARES.fullmatch(text) and not told_whole
                if not asks and not declares:
                    return None
            elif id(statement) in recording.otherwise:
                by = recording.otherwise[id(statement)]
            else:
                around = [node for node in source.nodes.path(statement) if isinstance(node, cst.FunctionDef)]
                waiting += around[-1:]
    unseen = [function for function in waiting if not entered(run, function)]
    return None if any(may_be_called(run, function, sources) for function in unseen) else by


def statements(source: Source) -> Iterator[tuple[cst.CSTNode, str]]:
    """Yield the statements of a source with their code, those with a block of their own without it."""
    for node in source.nodes.order:
        if isinstance(node, (cst.If, cst.While)):
            yield node, source.segment(node.test)
        elif isinstance(node, (cst.For, cst.With)):
            yield node, source.segment(node, node.body).partition("\n")[0]
        elif isinstance(node, cst.BaseSmallStatement):
            if not (isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString)):
                yield node, source.segment(node)


def only_asks(test: cst.BaseExpression) -> bool:
    """Return whether a test calls nothing but functions that tell of a value or a path."""
    called = [dotted(node.func) for node in walk(test) if isinstance(node, cst.Call)]
    return all(name in ASKS or name.startswith("os.path.") for name in called)


def entered(run: Run, function: cst.FunctionDef) -> bool:
    """Return whether a function was run: what did not run of it stands on a side that was not taken."""
    body = function.body.body
    lines = [one for line in body for one in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])]
    return any(id(line) in run.recording.ran or id(line) in run.recording.otherwise for line in lines)


def may_be_called(run: Run, function: cst.FunctionDef, sources: tuple[Source, ...]) -> bool:
    """Return whether something that was not followed may call a function that no call was seen of."""
    name = function.name.value
    wrapped = any(dotted(one.decorator) not in OF_THE_LANGUAGE for one in function.decorators)
    if wrapped or name.startswith("__") or name in run.recording.not_followed:
        return True
    return any(name in handed_on(source) for source in sources)


def handed_on(source: Source) -> set[str]:
    """Return the names that the code of a source reads for other purposes than to call what they name."""
    nodes = source.nodes
    named = [
        *((node, node.value) for node in nodes.of(cst.Name)),
        *((n, n.attr.value) for n in nodes.of(cst.Attribute)),
    ]
    found = set()
    for node, name in named:
        above = nodes.parents.get(id(node))
        called = isinstance(above, cst.Call) and above.func is node
        if not called and not isinstance(above, (cst.AssignTarget, cst.ImportAlias, cst.Attribute, cst.FunctionDef)):
            found.add(name)
    return found
