"""Other uses of a literal's value, followed by its names.

A proof compares the calls of libraries. No comparison shows the other uses of a constant in a script (a loop,
a path, a call that is not resolved, a function that is passed on), so a constant with such a use is not safe
to change. Names are followed wherever they appear in the files of the run, whatever their scope: this errs on
the side of caution.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator

import libcst as cst

from ..judgement.judge import Examined
from ..policy.expectations import is_plain
from ..source import Span
from ..source.syntax import dotted, text_of, walk
from ..training_plan.facts import Fact
from ..training_plan.values import Default, Either, Known, Term, Text, Trace, Unknown, options
from .edits import documents
from .names import is_target, laid_out, other_names, targets, text_key

# Calls that tell people a value, and those that hand it on changed or not.
TELL = ("print", "logging.", "logger.", "log.", "wandb.", "mlflow.", "json.", "swanlab.", "trackio.", "comet_ml.")
PASS = frozenset(
    "abs bool dict float int list max min pow repr round set str sum tuple asdict dataclasses.asdict vars".split()
)
PARSERS = ("ArgumentParser", "TrlParser", "tyro.cli", "pyrallis.parse", "draccus.parse", "simple_parsing.parse")
ENVIRONMENT = ("os.environ.get", "os.getenv")
NOT_COMPARED = ("os.", "pathlib.", "shutil.")
FIELDS, FACTORIES = ("field", "Field", "ib", "attrib"), ("default", "default_factory", "factory")
TRANSPARENT = ("property", "staticmethod", "classmethod", "functools.cache", "cache", "cached_property")
NAMING = (cst.ImportFrom, cst.ExceptHandler, cst.MatchAs, cst.MatchStar, cst.MatchMapping, cst.MatchKeywordElement)
ALL_OF_IT = frozenset(("items", "values", "copy", "pop", "update"))  # methods of a dict that hand on what is in it


def compared(examined: Examined, fact: Fact, own: Iterable[cst.CSTNode] = ()) -> bool:
    """Return whether a comparison of the calls would show every use of the origin of a fact's value.

    `own`: nodes that are the setting itself if it is no argument, so that a use in them is the one to change.
    """
    return all(_Uses(examined, option.trace, own).compared() for option in options(fact.value))


def origins(examined: Examined, fact: Fact) -> set[tuple[str, Span]]:
    """Return the places that a fact's value comes from, as path and span, without literals in a call."""
    found = [_Uses(examined, option.trace) for option in options(fact.value)]
    places = [u.trace[0] for u in found if u.trace and u.trace[0].source is not None and not u.at_call()]
    return {(place.source.path, place.source.span(place.node)) for place in places}


class _Uses:
    def __init__(self, examined: Examined, trace: Trace, own: Iterable[cst.CSTNode] = ()) -> None:
        self.own = {id(node) for node in own}
        inside = next((n for n, place in enumerate(trace) if isinstance(place.node, Span)), 0)
        self.trace = trace[inside:]  # before it the name of the file that it is read from
        self.way = {id(place.node) for place in self.trace}
        calls = examined.recorded.calls
        self.arguments = {
            id(place.node): (call.callee, call.arguments.get(name))
            for call in calls
            for name, place in call.places.items()
        }
        sources = [examined.text_source, *(p.source for p in self.trace), *(c.place.source for c in calls if c.place)]
        self.trees = list({id(s): s.tree for s in sources if getattr(s, "tree", None) is not None}.values())
        self.nodes: list[cst.CSTNode] = []
        self.parents: dict[int, cst.CSTNode] = {}
        self.functions: dict[str, cst.FunctionDef] = {}
        self.names: set[str] = set()

    def at_call(self) -> bool:
        arguments = [place.node for place in self.trace if isinstance(place.node, cst.Arg)]
        return any(one.value is self.trace[0].node for one in arguments if id(one) in self.arguments)

    def compared(self) -> bool:
        if not self.trace or self.at_call():
            return True
        for tree in self.trees:
            nodes, parents, functions = laid_out(tree)
            self.nodes += nodes
            self.parents.update(parents)
            self.functions.update(functions)
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
            for use in [u for u in self._uses() if id(u) not in seen]:
                seen.add(id(use))
                if not self._shown(use):
                    return False
        return True

    def _uses(self) -> Iterator[cst.CSTNode]:
        """Yield the nodes that read or may read one of the names, as a name, an attribute or a key."""
        for node in self.nodes:
            if isinstance(node, cst.Name):
                if node.value in self.names and not is_target(node, self.parents.get(id(node))):
                    yield node
            elif isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
                if text_of(node) in self.names:
                    yield from self._read(node)
            elif self.names.intersection(other_names(node)):
                yield node

    def _read(self, key: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the node that reads by a key: `x["r"]`, `x.get("r")`, `getattr(x, "r")`."""
        parent, holder, outer = self._above(key)
        if isinstance(holder, cst.Tuple) and isinstance(outer, cst.Index):  # `x[(0, "r")]`
            parent, holder, outer = self._above(holder)
        if isinstance(parent, cst.Index) and outer is not None:
            yield outer
        elif isinstance(holder, cst.Call) and dotted(holder.func).endswith((".get", "getattr")):
            yield holder

    def _above(self, node: cst.CSTNode) -> tuple[cst.CSTNode | None, cst.CSTNode | None, cst.CSTNode | None]:
        """Return the three nearest ancestors of a node, the parent first."""
        parent = self.parents.get(id(node))
        holder = self.parents.get(id(parent))
        return parent, holder, self.parents.get(id(holder))

    def _shown(self, node: cst.CSTNode) -> bool:
        """Follow an expression outwards, collecting the names it is bound to; return whether its use is shown."""
        one = node
        if isinstance(node, cst.ImportAlias):
            self.names.add(node.evaluated_alias or node.evaluated_name)
            return True
        if isinstance(node, NAMING):
            return False  # the name of something else, or one that is given to it
        while (parent := self.parents.get(id(one))) is not None:
            shown = self._ends(one, parent)
            if shown is not None:
                return shown
            if id(parent) in self.own:
                return True
            if isinstance(one, cst.Name) and one.value in self.functions and not isinstance(parent, cst.Call):
                return False  # a function that is passed on
            one = parent
        return True

    def _ends(self, one: cst.CSTNode, parent: cst.CSTNode) -> bool | None:
        """Return whether all uses of `one` are shown if they end in `parent`; None if `parent` must be followed."""
        match parent:
            case cst.Attribute() if parent.attr.value not in self.names:
                return parent.attr.value not in ALL_OF_IT
            case cst.Subscript() if parent.value is one and (key := text_key(parent)) is not None:
                return None if key in self.names else True
            case cst.Call() if isinstance(one, cst.Arg):
                return self._given(one, parent)
            case cst.DictElement() if parent.value is one and (key := text_of(parent.key)) is not None:
                self.names.add(key)
            case cst.Param():
                self.names.add(parent.name.value)
                return True
            case cst.Assign() | cst.AnnAssign() | cst.AugAssign() | cst.NamedExpr():
                return self._bind(parent)
            case cst.Return():
                return self._returned(parent)
            case cst.Expr():
                return True
            case cst.BaseStatement() | cst.BaseSmallStatement() | cst.MatchCase():
                return False
            case cst.Lambda() if self._makes_a_field(parent):
                return None
            case cst.Lambda() | cst.Yield() | cst.BaseComp():
                return False
        return None

    def _given(self, arg: cst.Arg, call: cst.Call) -> bool | None:
        """Return whether a call shows its use of an argument; None if its result must be followed."""
        callee, value = self.arguments.get(id(arg), (dotted(call.func), None))
        if callee.endswith(PARSERS):
            self._parsed()
        elif callee in ENVIRONMENT:
            pass
        elif id(arg) in self.arguments:
            return self._told(arg, callee, value)
        elif callee == "print" or callee.startswith(TELL[1:]):
            return True
        elif self._is_factory(arg, call):
            pass
        elif self._enters(callee, call, arg):
            return True
        elif not self._handed(callee, call, arg) and id(arg) not in self.way:
            return False
        return None

    def _makes_a_field(self, function: cst.Lambda) -> bool:
        """Return whether a lambda makes the default of a field: `field(default_factory=lambda: …)`."""
        arg, call, _ = self._above(function)
        return isinstance(arg, cst.Arg) and isinstance(call, cst.Call) and self._is_factory(arg, call)

    def _is_factory(self, arg: cst.Arg, call: cst.Call) -> bool:
        named = arg.keyword is not None and arg.keyword.value in FACTORIES
        return named and dotted(call.func).rpartition(".")[2] in FIELDS

    def _told(self, arg: cst.Arg, callee: str, value: object) -> bool:
        if isinstance(arg.value, cst.Name) and arg.value.value in self.functions:
            return False
        return not callee.startswith(NOT_COMPARED) and (callee.startswith(TELL) or not _unknown(value))

    def _enters(self, callee: str, call: cst.Call, arg: cst.Arg) -> bool:
        """Return whether a value is passed to a function of the script; follow its parameter up to the return."""
        if callee not in self.functions or arg.star:
            return False
        params = self.functions[callee].params
        positional = [*params.posonly_params, *params.params]
        index = list(call.args).index(arg)
        if arg.keyword is None and index >= len(positional):
            return False
        self.names.add(arg.keyword.value if arg.keyword is not None else positional[index].name.value)
        return True

    def _handed(self, callee: str, call: cst.Call, arg: cst.Arg) -> bool:
        """Return whether a call that is not to a function of the script passes a value on; collect its new name."""
        if arg.keyword is not None and (callee == "dict" or id(arg) in self.way):
            self.names.add(arg.keyword.value)
            return True
        if callee.endswith("add_argument"):
            options = [text for one in call.args if (text := text_of(one.value)) is not None]
            self.names.update(text.lstrip("-").replace("-", "_") for text in options)
            self._parsed()
            return True
        return callee in PASS and (hasattr(builtins, callee) or "asdict" in callee)

    def _bind(self, statement: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.NamedExpr) -> bool:
        """Collect the names that a statement binds; return False if it sets part of an object not followed."""
        for one in targets(statement):
            key = text_key(one) if isinstance(one, cst.Subscript) else None
            if isinstance(one, cst.Subscript) and key is not None and isinstance(one.value, cst.Name):
                self.names |= {one.value.value, key}
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
        """Collect the names that hold the parsed options of the command line."""
        for node in self.nodes:
            if isinstance(node, cst.Assign) and isinstance(node.value, cst.Call):
                if dotted(node.value.func).rpartition(".")[2].startswith("parse_"):
                    self._bind(node)

    def _returned(self, node: cst.CSTNode | None) -> bool:
        """Collect the function that returns a node; return False if a decorator may use the result."""
        while node is not None and not isinstance(node, cst.FunctionDef):
            node = self.parents.get(id(node))
        if node is None or any(dotted(one.decorator) not in TRANSPARENT for one in node.decorators):
            return False
        self.names.add(node.name.value)
        return True


def _steps(node: cst.BaseExpression | None) -> set[str]:
    """Return the names and keys of `config["lora"]["r"]`, `config.lora.r`, `config.get("r")`."""
    nodes = walk(node) if node is not None else ()
    found = {one.value if isinstance(one, cst.Name) else text_of(one) for one in nodes}
    return {name for name in found - {None, "get"} if name and not hasattr(builtins, name)}


def _unknown(value: object) -> bool:
    """Return whether a part of a value is unknown, so that it would compare as equal to anything."""
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
