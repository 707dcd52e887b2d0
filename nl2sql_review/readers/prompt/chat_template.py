"""A chat template that stands in the script: what it writes for one question and one answer.

Jinja reads the template; its tree is then followed here, with one user's turn and one assistant's, and a bound on the
steps. Nothing of it is compiled or run. What is not understood raises `Unread`, and the template is then not known.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Callable, Iterable

STEPS = 4000
LONGEST = 100_000  # characters of a template, or of any value in it
CONTENT = {"user": "\x01", "assistant": "\x02"}  # characters that no template writes
EOS, BOS = "\x03", "\x04"
MESSAGES = [{"role": role, "content": mark} for role, mark in CONTENT.items()]
HOLES = "".join((*CONTENT.values(), EOS, BOS))


class Unread(ValueError):
    """The template does something that is not followed."""


@dataclass(frozen=True)
class Written:
    """What a template writes. The holes in `text` are those above.

    `masked`: positions of the text inside `{% generation %}`; None where the template has no such block.
    """

    text: str
    masked: tuple[tuple[int, int], ...] | None = None

    @property
    def after_answer(self) -> str:
        """What follows the answer to the end of the text."""
        return self.text.rpartition(CONTENT["assistant"])[2]

    def in_loss(self, at: int) -> bool:
        """Whether a position of the text lies in a block of the assistant's."""
        return self.masked is not None and any(start <= at < end for start, end in self.masked)


@lru_cache(maxsize=64)
def read(template: str) -> Written:
    """What the template writes for a question and its answer, no generation prompt asked for. Raises Unread."""
    from jinja2 import Environment, TemplateError, nodes
    from jinja2.ext import Extension

    class Generation(Extension):
        """`{% generation %}…{% endgeneration %}`, which transformers adds to the language."""

        tags = {"generation"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope([nodes.Block("generation", body, False, False)], lineno=line)

    if len(template) > LONGEST:
        raise Unread("the chat template is too long")
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"], autoescape=False
    )
    try:
        written = Writer(nodes).written(environment.parse(template))
    except (TemplateError, RecursionError, ArithmeticError, TypeError, LookupError, AttributeError) as error:
        raise Unread(f"the chat template cannot be evaluated: {error}") from None
    if CONTENT["assistant"] not in written.text:
        raise Unread("the chat template does not write the answer unchanged")
    return written


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


UNDEFINED = object()


@dataclass
class Writer:
    nodes: Any
    out: list[str] = field(default_factory=list)
    masked: list[tuple[int, int]] = field(default_factory=list)
    steps: int = 0
    length: int = 0
    names: dict[str, Any] = field(default_factory=dict)

    def written(self, tree: Any) -> Written:
        self.names = {
            "messages": MESSAGES,
            "eos_token": EOS,
            "bos_token": BOS,
            "add_generation_prompt": False,
            "tools": None,
            "documents": None,
        }
        marks = any(block.name == "generation" for block in tree.find_all(self.nodes.Block))
        self.all(tree.body)
        return Written("".join(self.out), tuple(self.masked) if marks else None)

    def write(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)
        if self.length > LONGEST:
            raise Unread("the chat template's output is too long")

    def step(self) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise Unread("the chat template takes too many steps")

    # -- statements ----------------------------------------------------------------------------------------------

    def all(self, body: Iterable[Any]) -> None:
        for node in body:
            self.step()
            self.statement(node)

    def statement(self, node: Any) -> None:
        n = self.nodes
        if isinstance(node, n.Output):
            for part in node.nodes:
                self.write(node_text(part) if isinstance(part, n.TemplateData) else shown(self.value(part)))
        elif isinstance(node, n.If):
            self.branch(node)
        elif isinstance(node, n.For):
            self.loop(node)
        elif isinstance(node, n.Assign):
            self.assign(node.target, self.value(node.node))
        elif isinstance(node, n.Scope):
            self.all(node.body)
        elif isinstance(node, n.Block) and node.name == "generation":
            start = len("".join(self.out))
            self.all(node.body)
            self.masked.append((start, len("".join(self.out))))
        elif isinstance(node, n.Break):
            raise _Break
        elif isinstance(node, n.Continue):
            raise _Continue
        elif isinstance(node, n.Macro):
            self.names[node.name] = node
        elif isinstance(node, n.ExprStmt):
            self.value(node.node)
        else:
            raise Unread(f"the chat template has a {type(node).__name__}, and that is not supported")

    def branch(self, node: Any) -> None:
        for one in (node, *node.elif_):
            if truth(self.value(one.test)):
                return self.all(one.body)
        self.all(node.else_)

    def loop(self, node: Any) -> None:
        if node.recursive:
            raise Unread("the chat template is recursive")
        items = self.value(node.iter)
        items = [] if items is UNDEFINED or items is None else list(items)
        if node.test is not None:
            items = [item for item in items if self.tested(node, item)]
        outer = dict(self.names)
        for i, item in enumerate(items):
            self.assign(node.target, item)
            self.names["loop"] = {
                "index": i + 1,
                "index0": i,
                "first": i == 0,
                "last": i == len(items) - 1,
                "length": len(items),
                "revindex": len(items) - i,
                "revindex0": len(items) - i - 1,
                "previtem": items[i - 1] if i else UNDEFINED,
                "nextitem": items[i + 1] if i + 1 < len(items) else UNDEFINED,
            }
            try:
                self.all(node.body)
            except _Break:
                break
            except _Continue:
                continue
        if not items:
            self.all(node.else_)
        self.names = outer  # what a loop sets is its own

    def tested(self, node: Any, item: Any) -> bool:
        self.assign(node.target, item)
        return truth(self.value(node.test))

    def assign(self, target: Any, value: Any) -> None:
        n = self.nodes
        if isinstance(target, n.Name):
            self.names[target.name] = value
        elif isinstance(target, n.NSRef):
            self.names[target.name][target.attr] = value
        elif isinstance(target, n.Tuple):
            for one, part in zip(target.items, list(value), strict=True):
                self.assign(one, part)
        else:
            raise Unread("the chat template has an unsupported assignment")

    # -- expressions ---------------------------------------------------------------------------------------------

    def value(self, node: Any) -> Any:
        self.step()
        value = self.evaluated(node)
        if isinstance(value, (str, list)) and len(value) > LONGEST or isinstance(value, int) and abs(value) > 1 << 63:
            raise Unread("a value in the chat template is too long")
        return value

    def evaluated(self, node: Any) -> Any:
        n = self.nodes
        if isinstance(node, n.Const):
            return node.value
        if isinstance(node, n.TemplateData):
            return node.data
        if isinstance(node, n.Name):
            return self.names.get(node.name, UNDEFINED)
        if isinstance(node, (n.List, n.Tuple)):
            return [self.value(item) for item in node.items]
        if isinstance(node, n.Dict):
            return {self.value(pair.key): self.value(pair.value) for pair in node.items}
        if isinstance(node, (n.Getattr, n.Getitem)):
            return self.item(node)
        if isinstance(node, (n.And, n.Or)):
            left = self.value(node.left)
            return self.value(node.right) if truth(left) == isinstance(node, n.And) else left
        if isinstance(node, n.Not):
            return not truth(self.value(node.node))
        if isinstance(node, n.Neg):
            return -self.value(node.node)
        if isinstance(node, n.CondExpr):
            chosen = node.expr1 if truth(self.value(node.test)) else node.expr2
            return self.value(chosen) if chosen is not None else ""
        if isinstance(node, n.Concat):
            return "".join(shown(self.value(part)) for part in node.nodes)
        if isinstance(node, (n.Add, n.Sub, n.Mul, n.Mod, n.Div, n.FloorDiv)):
            return arithmetic(type(node).__name__, self.value(node.left), self.value(node.right))
        if isinstance(node, n.Compare):
            return self.comparison(node)
        if isinstance(node, n.Test):
            return self.test(node)
        if isinstance(node, n.Filter):
            return self.filter(node)
        if isinstance(node, n.Call):
            return self.call(node)
        raise Unread(f"the chat template has a {type(node).__name__}, and that is not supported")

    def item(self, node: Any) -> Any:
        owner = self.value(node.node)
        if isinstance(node, self.nodes.Getattr):
            key: Any = node.attr
        elif isinstance(node.arg, self.nodes.Slice):
            parts = [self.value(p) if p is not None else None for p in (node.arg.start, node.arg.stop, node.arg.step)]
            return owner[slice(*parts)]
        else:
            key = self.value(node.arg)
        if owner is UNDEFINED:
            raise Unread("the chat template reads an undefined variable")
        if isinstance(owner, dict):
            return owner.get(key, UNDEFINED)
        if isinstance(owner, (list, str)) and isinstance(key, int):
            return owner[key] if -len(owner) <= key < len(owner) else UNDEFINED
        return UNDEFINED

    def comparison(self, node: Any) -> bool:
        left = self.value(node.expr)
        for one in node.ops:
            right = self.value(one.expr)
            if not compared(one.op, left, right):
                return False
            left = right
        return True

    def test(self, node: Any) -> bool:
        value = self.value(node.node)
        name = node.name
        if name in ("defined", "undefined"):
            return bool((value is not UNDEFINED) == (name == "defined"))
        kinds: dict[str, type | tuple[type, ...]] = {
            "string": str,
            "mapping": dict,
            "iterable": (str, list, dict),
            "sequence": (str, list),
        }
        if name in kinds:
            return isinstance(value, kinds[name])
        if name == "none":
            return value is None
        if name in ("true", "false"):
            return value is (name == "true")
        if name == "boolean":
            return isinstance(value, bool)
        if name in ("equalto", "eq", "=="):
            return bool(value == self.value(node.args[0]))
        raise Unread(f"the chat template tests whether something is {name}, and that is not supported")

    def filter(self, node: Any) -> Any:
        value: Any = self.value(node.node) if node.node is not None else UNDEFINED
        name = node.name
        if name == "trim":
            return shown(value).strip()
        if name in ("length", "count"):
            return 0 if value is UNDEFINED else len(value)
        if name in ("lower", "upper", "title", "capitalize"):
            return getattr(shown(value), name)()
        if name in ("string", "safe", "e", "escape"):
            return shown(value)
        if name in ("default", "d"):
            given = self.value(node.args[0]) if node.args else ""
            return given if value is UNDEFINED else value
        if name in ("first", "last"):
            return value[0 if name == "first" else -1] if value else UNDEFINED
        if name == "list":
            return list(value)
        if name == "join":
            between = shown(self.value(node.args[0])) if node.args else ""
            parts = [shown(part) for part in value]
            if sum(map(len, parts)) + len(between) * len(parts) > LONGEST:
                raise Unread("a value in the chat template is too long")
            return between.join(parts)
        raise Unread(f"the chat template uses the filter {name}, and that is not supported")

    def call(self, node: Any) -> Any:
        n, callee = self.nodes, node.node
        given = [self.value(arg) for arg in node.args]
        named = {pair.key: self.value(pair.value) for pair in node.kwargs}
        if isinstance(callee, n.Name) and callee.name == "namespace":
            return dict(named)
        if isinstance(callee, n.Name) and callee.name == "dict":
            return {**(given[0] if given else {}), **named}
        if isinstance(callee, n.Name) and callee.name == "range":
            return list(range(*given))[:STEPS] if all(abs(g) < STEPS for g in given) else self.fail("range")
        if isinstance(callee, n.Name) and callee.name == "raise_exception":
            raise Unread("the chat template rejects a question and an answer")
        if isinstance(callee, n.Name) and callee.name == "strftime_now":
            return "today"
        if isinstance(callee, n.Getattr):
            return self.method(self.value(callee.node), callee.attr, given)
        if isinstance(callee, n.Name) and isinstance(made := self.names.get(callee.name), n.Macro):
            return self.macro(made, given, named)
        return self.fail(getattr(callee, "name", "something"))

    def method(self, owner: Any, name: str, given: list[Any]) -> Any:
        if isinstance(owner, str) and name in ("strip", "lstrip", "rstrip", "split", "startswith", "endswith"):
            return getattr(owner, name)(*given)
        if isinstance(owner, str) and name in ("title", "upper", "lower", "capitalize"):
            return getattr(owner, name)(*given)
        if isinstance(owner, str) and name == "replace" and len(given) == 2:
            if (len(owner) + 1) * (len(given[1]) + 1) > LONGEST * 10:
                raise Unread("a value in the chat template is too long")
            return owner.replace(*given)
        if isinstance(owner, dict) and name in ("get", "items", "keys", "values"):
            found = getattr(owner, name)(*given)
            return found if name == "get" else list(found)
        return self.fail(name)

    def macro(self, node: Any, given: list[Any], named: dict[str, Any]) -> str:
        defaults = dict(zip([a.name for a in node.args][len(node.args) - len(node.defaults) :], node.defaults))
        outer, out = dict(self.names), self.out
        for i, arg in enumerate(node.args):
            if i < len(given):
                self.names[arg.name] = given[i]
            elif arg.name in named:
                self.names[arg.name] = named[arg.name]
            else:
                self.names[arg.name] = self.value(defaults[arg.name]) if arg.name in defaults else UNDEFINED
        self.out = []
        try:
            self.all(node.body)
            return "".join(self.out)
        finally:
            self.names, self.out = outer, out

    def fail(self, name: str) -> Any:
        raise Unread(f"the chat template calls {name}, and that is not supported")


def node_text(part: Any) -> str:
    return str(part.data)


def truth(value: Any) -> bool:
    return value is not UNDEFINED and bool(value)


def shown(value: Any) -> str:
    return "" if value is UNDEFINED else str(value)


def arithmetic(name: str, left: Any, right: Any) -> Any:
    if UNDEFINED in (left, right):
        raise Unread("the chat template adds an undefined value")
    if name == "Add":
        return left + right
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        raise Unread("the chat template has unsupported string formatting")
    operators: dict[str, Callable[[Any, Any], Any]] = {
        "Sub": operator.sub,
        "Mul": operator.mul,
        "Mod": operator.mod,
        "Div": operator.truediv,
        "FloorDiv": operator.floordiv,
    }
    return operators[name](left, right)


def compared(op: str, left: Any, right: Any) -> bool:
    if op in ("eq", "ne"):
        return bool(left == right) == (op == "eq")
    if op in ("in", "notin"):
        found = False if right in (UNDEFINED, None) else left in right
        return found == (op == "in")
    if UNDEFINED in (left, right):
        raise Unread("the chat template compares an undefined value")
    return bool({"lt": left < right, "lteq": left <= right, "gt": left > right, "gteq": left >= right}[op])
