"""Where else the value of a literal goes, by its names.

A proof compares the calls of libraries. What a script does besides with a constant (a loop, a path, a call that is not
resolved, a function that is passed on) no comparison shows, so a constant with such a use is not safe to change.
Names are taken wherever they stand in the files of the run, whatever their scope: that errs on the side of caution.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Any

from ..expectations import is_plain
from ..judge import Examined
from ..plan import Fact
from ..readers.derive import options
from ..source import Span
from ..source.syntax import Argument, Parameters, arguments_of, below, dotted, parameters_of, text_of, walk
from ..values import Default, Either, Known, Term, Text, Unknown
from . import documents
from .code import FUNCTIONS

# Calls that tell people a value, and those that hand it on changed or not.
TELL = ("print", "logging.", "logger.", "log.", "wandb.", "mlflow.", "json.", "swanlab.", "trackio.", "comet_ml.")
PASS = frozenset(
    "abs bool dict float int list max min pow repr round set str sum tuple asdict dataclasses.asdict vars".split()
)
PARSERS = ("ArgumentParser", "TrlParser", "tyro.cli", "pyrallis.parse", "draccus.parse", "simple_parsing.parse")
ENVIRONMENT = ("os.environ.get", "os.getenv")
NOT_COMPARED = ("os.", "pathlib.", "shutil.")
TRANSPARENT = ("property", "staticmethod", "classmethod", "functools.cache", "cache", "cached_property")
ALL_OF_IT = frozenset(("items", "values", "copy", "pop", "update"))  # methods of a dict that hand on what is in it


def compared(examined: Examined, fact: Fact, own: Iterable[Any] = ()) -> bool:
    """Whether every use of what a fact's value comes from is one that comparing the calls would show.

    `own`: nodes that are the setting itself where that is no argument, so that a use in them is the one to change.
    """
    return all(_Uses(examined, option.trace, own).compared() for option in options(fact.value))


def origins(examined: Examined, fact: Fact) -> set[tuple[str, Span]]:
    """The places that a fact's value comes from, as path and span; without literals that stand at a call."""
    found = [_Uses(examined, option.trace) for option in options(fact.value)]
    places = [u.trace[0] for u in found if u.trace and u.trace[0].source is not None and not u.at_call()]
    return {(place.source.path, place.source.span(place.node)) for place in places}


class _Uses:
    def __init__(self, examined: Examined, trace: tuple[Any, ...], own: Iterable[Any] = ()) -> None:
        self.own = {id(node) for node in own}
        inside = next((n for n, place in enumerate(trace) if isinstance(place.node, Span)), 0)
        self.trace = trace[inside:]  # before it the name of the file that it is read from
        self.way = {id(place.node) for place in self.trace}
        calls = examined.recording.calls
        self.arguments = {
            id(place.node): (call.callee, call.arguments.get(name))
            for call in calls
            for name, place in call.places.items()
        }
        sources = [examined.source, *(p.source for p in self.trace), *(c.place.source for c in calls if c.place)]
        self.trees = list({id(s): s.tree for s in sources if getattr(s, "tree", None) is not None}.values())
        self.parents: dict[int, Any] = {}
        self.functions: dict[str, Any] = {}
        self.names: set[str] = set()

    def at_call(self) -> bool:
        arguments = [place.node for place in self.trace if isinstance(place.node, Argument)]
        return any(one.value is self.trace[0].node for one in arguments if id(one) in self.arguments)

    def compared(self) -> bool:
        if not self.trace or self.at_call():
            return True
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, FUNCTIONS):
                    self.functions[node.name] = node
                self.parents.update((id(child), node) for child in below(node))
                if isinstance(node, ast.arguments):  # a default is the parameter's
                    self.parents.update((id(p.default), p.node) for p in Parameters(node).every() if p.default)
        origin = self.trace[0]
        if isinstance(origin.node, Span):
            self.names |= {documents.key(origin)} - {""}
        elif not self._shown(origin.node):
            return False
        for place in self.trace[1:]:
            if isinstance(place.node, (ast.Assign, ast.AnnAssign)):
                self._bind(place.node)
            if isinstance(origin.node, Span) and isinstance(place.node, (Argument, ast.Assign, ast.AnnAssign)):
                self.names |= _steps(place.node.value)
        seen: set[int] = set()
        before = -1
        while before < len(self.names):
            before = len(self.names)
            for use in [u for tree in self.trees for u in self._uses(tree) if id(u) not in seen]:
                seen.add(id(use))
                if not self._shown(use):
                    return False
        return True

    def _uses(self, tree: Any) -> Iterator[Any]:
        """The nodes that read one of the names, as a name, an attribute or a key, or may do so."""
        for node in walk(tree):
            parent = self.parents.get(id(node))
            if isinstance(node, ast.Name):
                if node.id in self.names and not _binds(node, parent):
                    yield node
            elif isinstance(node, ast.Constant):
                if text_of(node) in self.names:
                    yield from self._read(node, parent)
            elif self.names.intersection(_spelled(node)):
                yield node

    def _read(self, key: Any, parent: Any) -> Iterator[Any]:
        """What reads by a key: `x["r"]`, `x.get("r")`, `getattr(x, "r")`."""
        holder = self.parents.get(id(parent))
        if isinstance(parent, ast.Tuple) and isinstance(holder, ast.Subscript):  # `x[0, "r"]`
            key, parent = parent, holder
        if isinstance(parent, ast.Subscript) and parent.slice is key:
            yield parent
        elif isinstance(parent, Argument) and dotted(getattr(holder, "func", None)).endswith((".get", "getattr")):
            yield holder

    def _shown(self, node: Any) -> bool:
        """Follows an expression outwards to what is done with it; takes up the names it is given on the way."""
        one = node
        if isinstance(node, ast.alias):
            self.names.add(node.asname or node.name)
            return True
        if isinstance(node, (ast.ImportFrom, ast.ExceptHandler, ast.pattern)):
            return False  # the name of something else, or one that is given to it
        while (parent := self.parents.get(id(one))) is not None:
            match parent:
                case ast.Attribute() if parent.attr not in self.names:
                    return parent.attr not in ALL_OF_IT
                case ast.Subscript() if parent.value is one and (key := text_of(parent.slice)) is not None:
                    if key not in self.names:
                        return True
                case ast.Call() if isinstance(one, Argument):
                    callee, value = self.arguments.get(id(one), (dotted(parent.func), None))
                    if callee.endswith(PARSERS):
                        self._parsed()
                    elif callee in ENVIRONMENT:
                        pass
                    elif id(one) in self.arguments:
                        return self._told(one, callee, value)
                    elif callee == "print" or callee.startswith(TELL[1:]):
                        return True
                    elif not self._handed(callee, parent, one) and id(one) not in self.way:
                        return False
                case ast.Dict():
                    keys = (text_of(key) for key, value in zip(parent.keys, parent.values) if value is one)
                    self.names.update(key for key in keys if key is not None)
                case ast.arg():
                    self.names.add(parent.arg)
                    return True
                case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
                    return self._bind(parent)
                case ast.Return():
                    return self._returned(parent)
                case ast.Expr():
                    return True
                case ast.stmt() | ast.match_case() | ast.Lambda() | ast.Yield() | ast.YieldFrom():
                    return False
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    return False
            if id(parent) in self.own:
                return True
            if isinstance(one, ast.Name) and one.id in self.functions and not isinstance(parent, ast.Call):
                return False  # a function that is passed on
            one = parent
        return True

    def _told(self, arg: Any, callee: str, value: Any) -> bool:
        if isinstance(arg.value, ast.Name) and arg.value.id in self.functions:
            return False
        return not callee.startswith(NOT_COMPARED) and (callee.startswith(TELL) or not _unknown(value))

    def _handed(self, callee: str, call: Any, arg: Any) -> bool:
        """Whether a call that is not a library's hands a value on, under which name."""
        if arg.keyword is not None and (callee == "dict" or callee in self.functions or id(arg) in self.way):
            self.names.add(arg.keyword)
            return True
        if callee.endswith("add_argument"):
            options = [text for one in arguments_of(call) if (text := text_of(one.value)) is not None]
            self.names.update(text.lstrip("-").replace("-", "_") for text in options)
            self._parsed()
            return True
        if callee in self.functions and not arg.star:
            index, positional = arguments_of(call).index(arg), parameters_of(self.functions[callee]).positional
            if index < len(positional):
                self.names.add(positional[index].name)
                return True
        return callee in PASS and (hasattr(builtins, callee) or "asdict" in callee)

    def _bind(self, statement: Any) -> bool:
        """Takes up the names that a statement gives; False where it sets something of an object that is not followed."""
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            for one in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                one = one.value if isinstance(one, ast.Starred) else one
                key = text_of(one.slice) if isinstance(one, ast.Subscript) else None
                if key is not None and isinstance(one.value, ast.Name):
                    self.names |= {one.value.id, key}
                elif isinstance(one, ast.Attribute) and dotted(one.value) == "self":
                    self.names.add(one.attr)
                elif isinstance(one, ast.Name):
                    self.names.add(one.id)
                else:
                    return False
        holder = self.parents.get(id(statement))
        while holder is not None and not isinstance(holder, (*FUNCTIONS, ast.ClassDef)):
            holder = self.parents.get(id(holder))
        if isinstance(holder, ast.ClassDef):
            self.names.add(holder.name)
        return True

    def _parsed(self) -> None:
        """Takes up what the options of the command line are called once they are parsed."""
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                    if dotted(node.value.func).rpartition(".")[2].startswith("parse_"):
                        self._bind(node)

    def _returned(self, node: Any) -> bool:
        """Takes up the function that returns it; False where a decorator may do something with that."""
        while node is not None and not isinstance(node, FUNCTIONS):
            node = self.parents.get(id(node))
        if node is None or any(dotted(decorator) not in TRANSPARENT for decorator in node.decorator_list):
            return False
        self.names.add(node.name)
        return True


def _steps(node: Any) -> set[str]:
    """The names and keys of `config["lora"]["r"]`, `config.lora.r`, `config.get("r")`."""
    found: set[str | None] = set()
    for one in walk(node) if node is not None else ():
        found |= _spelled(one)
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, Argument):
            found.add(one.keyword)
        else:
            found.add(text_of(one))
    return {name for name in found - {None, "get"} if name and not hasattr(builtins, name)}


def _spelled(node: Any) -> set[Any]:
    """The names in a node, other than of a variable, that are no nodes of their own; None may be among them."""
    match node:
        case ast.Attribute():
            return {node.attr}
        case ast.alias():
            return {node.name.rpartition(".")[2], node.asname}
        case ast.ImportFrom() if node.module:
            return {node.module.rpartition(".")[2]}
        case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
            return {node.name}
        case ast.MatchMapping():
            return {node.rest}
        case ast.MatchClass():
            return set(node.kwd_attrs)
    return set()


def _binds(node: Any, parent: Any) -> bool:
    """Whether a name stands where it is given rather than read."""
    if isinstance(parent, ast.Assign):
        return node in parent.targets
    return isinstance(parent, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and parent.target is node


def _unknown(value: Any) -> bool:
    """Whether something in a value is not known, so that it would compare as equal whatever it is."""
    match value:
        case Unknown():
            return True
        case Either(parts) | Text(parts):
            return any(map(_unknown, parts))
        case Term():
            return any(map(_unknown, value.args))
        case Known(plain) | Default(plain) if isinstance(plain, (list, tuple, dict)):
            return any(map(_unknown, plain.values() if isinstance(plain, dict) else plain))
        case Known(plain) | Default(plain):
            return not is_plain(plain)  # an object of the script, of which only the name is compared
    return False
