"""YAML documents as abstract values, in the dialect of the library that reads them.

PyYAML reads YAML 1.1 (`3e-4` is a text, `yes` is true); OmegaConf and ruamel have dialects of their own.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Union

from ...source import Span
from ...training_plan.values import Known, Trace, Unknown, Value
from .documents import Budget, Maker, Malformed, Pair, Text, kept
from .objects import Mapping, Sequence

if TYPE_CHECKING:
    import yaml
    from yaml import Node

Reader = Union["yaml.SafeLoader", "yaml.CSafeLoader"]
# What YAML 1.2 and OmegaConf call a number though YAML 1.1 does not: an exponent without a point or a sign.
OMEGACONF_FLOAT = r"""
    ^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"""
YAML12_FLOAT = (
    r"^(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
FLOAT, BOOL, INT, TIME = (f"tag:yaml.org,2002:{t}" for t in ("float", "bool", "int", "timestamp"))
NO_COLON = "could not find expected ':'"  # PyYAML's words
_loaders: dict[str, Any] = {}


def loader(dialect: str) -> Any:
    """Return the PyYAML loader of a dialect: "pyyaml", "base" (every scalar is text), "omegaconf" or "ruamel"."""
    import yaml

    if dialect not in _loaders:
        base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        made: Any = type("Loader", (base,), {})
        resolvers = {k: list(v) for k, v in base.yaml_implicit_resolvers.items()}
        if dialect == "base":
            resolvers = {}
        elif dialect in ("omegaconf", "ruamel"):
            drop = {TIME} if dialect == "omegaconf" else {TIME, FLOAT, BOOL, INT}
            resolvers = {k: [(tag, r) for tag, r in v if tag not in drop] for k, v in resolvers.items()}
        made.yaml_implicit_resolvers = resolvers
        if dialect == "omegaconf":
            made.add_implicit_resolver(FLOAT, re.compile(OMEGACONF_FLOAT, re.X), list("-+0123456789."))
        elif dialect == "ruamel":
            made.add_implicit_resolver(
                INT, re.compile(r"^(?:[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
            )
            made.add_implicit_resolver(FLOAT, re.compile(YAML12_FLOAT), list("-+0123456789."))
            made.add_implicit_resolver(BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
        _loaders[dialect] = made
    return _loaders[dialect]


def yaml_documents(text: Text, dialect: str = "pyyaml") -> list[Maker]:
    """Return the documents of a YAML text."""
    import yaml

    try:
        reader = loader(dialect)(text.text)
        nodes = []
        while reader.check_node():
            nodes.append(reader.get_node())
        written: dict[int, set[int]] = {}

        def made(node: Node) -> Value:
            return YamlMaker(reader, text, dialect, written).make(node)

        makers: list[Maker] = [partial(made, node) for node in nodes]
        for make in makers:
            make()  # a tag nobody knows or a key that cannot be one is an error of the whole
    except yaml.YAMLError as e:
        problem = getattr(e, "problem", None)
        # a key without its colon is noticed at a later line than the one that it stands on
        mark = getattr(e, "context_mark" if problem == NO_COLON else "problem_mark", None)
        said = f"not valid YAML ({problem or str(e).splitlines()[0]})"
        raise Malformed(said, mark.line + 1 if mark else 0, mark.column + 1 if mark else 0) from None
    except (ValueError, TypeError, RecursionError, OverflowError) as e:
        raise Malformed(f"not valid YAML ({type(e).__name__})") from None
    return makers


class YamlMaker:
    """Converter of PyYAML nodes to values, for one load. An alias gives the same object as its anchor.

    `written` maps the identity of each mapping node to its keys; all loads of a file share it.
    """

    def __init__(self, reader: Reader, text: Text, dialect: str, written: dict[int, set[int]]) -> None:
        self.reader, self.text, self.dialect, self.written = reader, text, dialect, written
        self.made: dict[int, Value] = {}
        self.open: set[int] = set()
        self.budget = Budget()

    def make(self, node: Node, key: Node | None = None) -> Value:
        """Return the value of a node. If the node has a key, the value's place starts at the key."""
        import yaml

        self.budget.spend()
        if id(node) in self.made:
            return self.made[id(node)]
        if id(node) in self.open:
            raise Malformed("it contains itself")
        trace = self.place(node, key)
        if isinstance(node, yaml.ScalarNode):
            value = kept(self.scalar(node, trace))
        else:
            self.open.add(id(node))
            value = self.collection(node, trace)
            self.open.discard(id(node))
        self.made[id(node)] = value
        return value

    def collection(self, node: Node, trace: Trace) -> Value:
        import yaml

        if isinstance(node, yaml.SequenceNode):
            if not node.tag.endswith((":seq", ":python/tuple")):
                raise Malformed(f"the tag {node.tag}")
            return Known(
                Sequence(tuple(self.make(n) for n in node.value), "tuple" if node.tag.endswith("tuple") else "list"),
                trace,
            )
        if not isinstance(node, yaml.MappingNode) or not node.tag.endswith(":map"):
            raise Malformed(f"the tag {node.tag}")
        # Flattening puts what `<<` merges in among them, once and for all.
        written = self.written.setdefault(id(node), {id(key) for key, _ in node.value})
        if self.dialect != "base":
            self.reader.flatten_mapping(node)
        items: dict[Any, Value] = {}
        pairs: dict[Any, Pair] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            items[key] = self.make(value_node, key_node)
            if self.text.pairs is not None:
                again = id(key_node) in written and key in pairs and not pairs[key].merged
                pairs[key] = Pair(
                    marked(key_node),
                    marked(value_node),
                    again,
                    not getattr(value_node, "style", None),
                    id(key_node) not in written,
                )
        return Known(self.text.note(Mapping(items), pairs), trace)

    def place(self, node: Node, key: Node | None) -> Trace:
        """Return the place from the key, or the value, to the end of a one-line value; else the key or first line."""
        first, last = node.start_mark, node.end_mark
        start = key.start_mark if key is not None and key.start_mark.line <= first.line else first
        if start.line == last.line:
            end = last.line, last.column
        elif key is not None and start is key.start_mark:
            end = key.end_mark.line, key.end_mark.column
        else:
            end = start.line, max(self.text.width(start.line), start.column + 1)
        return self.text.at((start.line, start.column), end)

    def key(self, node: Node) -> Any:
        key = self.reader.construct_object(node, deep=True)
        hash(key)
        return key

    def scalar(self, node: Node, trace: Trace) -> Value:
        v = node.value if self.dialect == "base" else self.reader.construct_object(node)
        if v is None or isinstance(v, (str, bool, int, float, bytes)):
            return Known(v, trace)
        return Unknown(f"a {type(v).__name__} in a YAML file", trace)


def marked(node: Node) -> Span:
    first, last = node.start_mark, node.end_mark
    return Span(first.line + 1, first.column + 1, last.line + 1, last.column + 1)
