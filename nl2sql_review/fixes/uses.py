"""Where else the value of a literal goes, by its names.

A proof compares the calls of libraries. What a script does besides with a constant (a loop, a path, a call that is not
resolved, a function that is passed on) no comparison shows, so a constant with such a use is not safe to change.
Names are taken wherever they stand in the files of the run, whatever their scope: that errs on the side of caution.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from typing import Any

import libcst as cst

from ..expectations import is_plain
from ..judge import Examined
from ..plan import Fact
from ..source import Span
from ..source.syntax import walk
from ..values import Default, Either, Known, Term, Text, Unknown
from . import documents
from .code import dotted

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
    return all(_Uses(examined, option.trace, own).compared() for option in _options(fact))


def origins(examined: Examined, fact: Fact) -> set[tuple[str, Span]]:
    """The places that a fact's value comes from, as path and span; without literals that stand at a call."""
    found = [_Uses(examined, option.trace) for option in _options(fact)]
    places = [u.trace[0] for u in found if u.trace and u.trace[0].source is not None and not u.at_call()]
    return {(place.source.path, place.source.span(place.node)) for place in places}


def _options(fact: Fact) -> tuple[Any, ...]:
    return fact.value.options if isinstance(fact.value, Either) else (fact.value,)


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
        arguments = [place.node for place in self.trace if isinstance(place.node, cst.Arg)]
        return any(one.value is self.trace[0].node for one in arguments if id(one) in self.arguments)

    def compared(self) -> bool:
        if not self.trace or self.at_call():
            return True
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, cst.FunctionDef):
                    self.functions[node.name.value] = node
                self.parents.update((id(child), node) for child in node.children if not _layout(child))
        origin = self.trace[0]
        if isinstance(origin.node, Span):
            self.names |= {documents.key(origin)} - {""}
        elif not self._shown(origin.node):
            return False
        for place in self.trace[1:]:
            if isinstance(place.node, (cst.Assign, cst.AnnAssign)):
                self._bind(place.node)
            if isinstance(origin.node, Span) and isinstance(place.node, (cst.Arg, cst.Assign, cst.AnnAssign)):
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
        """The expressions that read one of the names, as a name, an attribute or a key."""
        for node in walk(tree):
            parent = self.parents.get(id(node))
            if isinstance(node, cst.Name) and node.value in self.names and not _binds(node, parent):
                yield parent if isinstance(parent, cst.Attribute) and parent.attr is node else node
            elif isinstance(node, cst.SimpleString) and _text(node) in self.names:
                if isinstance(parent, cst.Index):
                    yield self.parents[id(self.parents[id(parent)])]
                elif isinstance(parent, cst.Arg) and dotted(self._call(parent).func).endswith((".get", "getattr")):
                    yield self._call(parent)

    def _call(self, arg: Any) -> Any:
        found = self.parents[id(arg)]
        return found if isinstance(found, cst.Call) else cst.Call(cst.Name("_"))

    def _shown(self, node: Any) -> bool:
        """Follows an expression outwards to what is done with it; takes up the names it is given on the way."""
        one = node
        while (parent := self.parents.get(id(one))) is not None:
            match parent:
                case cst.Attribute() if parent.value is one and parent.attr.value not in self.names:
                    return parent.attr.value not in ALL_OF_IT
                case cst.Subscript() if parent.value is one and _key(parent) is not None:
                    if _key(parent) not in self.names:
                        return True
                case cst.Call() if parent.func is not one and not isinstance(one, cst.Arg):
                    return False
                case cst.Call() if isinstance(one, cst.Arg):
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
                case cst.DictElement():
                    if (text := _text(parent.key)) is not None:
                        self.names.add(text)
                case cst.Param():
                    self.names.add(parent.name.value)
                    return True
                case cst.Assign() | cst.AnnAssign() | cst.AugAssign() | cst.NamedExpr():
                    return self._bind(parent)
                case cst.ImportAlias():
                    self.names.add(dotted(parent.asname.name) if parent.asname else dotted(parent.name))
                    return True
                case cst.Return():
                    return self._returned(parent)
                case cst.Expr() | cst.Global() | cst.Nonlocal():
                    return True
                case cst.BaseStatement() | cst.BaseSmallStatement() | cst.Lambda() | cst.BaseComp() | cst.Yield():
                    return False
                case cst.Decorator() | cst.MatchCase():
                    return False
            if id(parent) in self.own:
                return True
            if isinstance(one, cst.Name) and one.value in self.functions and not isinstance(parent, cst.Call):
                return False  # a function that is passed on
            one = parent
        return True

    def _told(self, arg: Any, callee: str, value: Any) -> bool:
        if isinstance(arg.value, cst.Name) and arg.value.value in self.functions:
            return False
        return not callee.startswith(NOT_COMPARED) and (callee.startswith(TELL) or not _unknown(value))

    def _handed(self, callee: str, call: Any, arg: Any) -> bool:
        """Whether a call that is not a library's hands a value on, under which name."""
        if arg.keyword is not None and (callee == "dict" or callee in self.functions or id(arg) in self.way):
            self.names.add(arg.keyword.value)
            return True
        if callee.endswith("add_argument"):
            options = [text for one in call.args if (text := _text(one.value)) is not None]
            self.names.update(text.lstrip("-").replace("-", "_") for text in options)
            self._parsed()
            return True
        if callee in self.functions and not arg.star:
            params = self.functions[callee].params.params
            index = next(i for i, one in enumerate(call.args) if one is arg)
            if index < len(params):
                self.names.add(params[index].name.value)
                return True
        return callee in PASS and (hasattr(builtins, callee) or "asdict" in callee)

    def _bind(self, statement: Any) -> bool:
        """Takes up the names that a statement gives; False where it sets something of an object that is not followed."""
        targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
        for target in targets:
            for one in [e.value for e in target.elements] if isinstance(target, (cst.Tuple, cst.List)) else [target]:
                if isinstance(one, cst.Subscript) and isinstance(one.value, cst.Name) and _key(one) is not None:
                    self.names |= {one.value.value, _key(one)}
                elif isinstance(one, cst.Attribute) and dotted(one.value) == "self":
                    self.names.add(one.attr.value)
                elif isinstance(one, cst.Name):
                    self.names.add(one.value)
                else:
                    return False
        holder = self.parents.get(id(statement))
        while holder is not None and not isinstance(holder, (cst.FunctionDef, cst.ClassDef)):
            holder = self.parents.get(id(holder))
        if isinstance(holder, cst.ClassDef):
            self.names.add(holder.name.value)
        return True

    def _parsed(self) -> None:
        """Takes up what the options of the command line are called once they are parsed."""
        for tree in self.trees:
            for node in walk(tree):
                if isinstance(node, cst.Assign) and isinstance(node.value, cst.Call):
                    if dotted(node.value.func).rpartition(".")[2].startswith("parse_"):
                        self._bind(node)

    def _returned(self, node: Any) -> bool:
        """Takes up the function that returns it; False where a decorator may do something with that."""
        while node is not None and not isinstance(node, cst.FunctionDef):
            node = self.parents.get(id(node))
        if node is None or any(dotted(d.decorator) not in TRANSPARENT for d in node.decorators):
            return False
        self.names.add(node.name.value)
        return True


def _steps(node: Any) -> set[str]:
    """The names and keys of `config["lora"]["r"]`, `config.lora.r`, `config.get("r")`."""
    found = [one for one in walk(node) if isinstance(one, (cst.Name, cst.SimpleString))] if node is not None else []
    names = {one.value if isinstance(one, cst.Name) else _text(one) for one in found}
    return {name for name in names - {None, "get"} if name and not hasattr(builtins, name)}


def _layout(node: Any) -> bool:
    return isinstance(node, (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine))


def _binds(node: Any, parent: Any) -> bool:
    """Whether a name stands where it is given rather than read."""
    match parent:
        case cst.Arg():
            return parent.keyword is node
        case cst.AssignTarget() | cst.AnnAssign() | cst.AugAssign() | cst.NamedExpr():
            return parent.target is node
        case cst.Param() | cst.FunctionDef() | cst.ClassDef():
            return parent.name is node
    return False


def _text(node: Any) -> str | None:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else None


def _key(node: Any) -> str | None:
    """The text in the brackets of `x["text"]`."""
    inner = node.slice[0].slice if len(node.slice) == 1 else None
    return _text(inner.value) if isinstance(inner, cst.Index) else None


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
