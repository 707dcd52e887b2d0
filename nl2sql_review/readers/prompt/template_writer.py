"""Follows the steps of a chat template with one turn of the user and one of the assistant.

The tree is Jinja's; nothing of it is compiled or run. Anything that is not supported raises `Unread`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable

from jinja2 import nodes

from .template_text import BOS, EOS, LONGEST, MESSAGES, Unread, Written

STEPS = 4000


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


UNDEFINED = object()


@dataclass
class Writer:
    out: list[str] = field(default_factory=list)
    masked: list[tuple[int, int]] = field(default_factory=list)
    steps: int = 0
    length: int = 0
    names: dict[str, Any] = field(default_factory=dict)

    def written(self, tree: nodes.Template) -> Written:
        self.names = {
            "messages": MESSAGES,
            "eos_token": EOS,
            "bos_token": BOS,
            "add_generation_prompt": False,
            "tools": None,
            "documents": None,
        }
        marks = any(block.name == "generation" for block in tree.find_all(nodes.Block))
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

    def all(self, body: Iterable[nodes.Node]) -> None:
        for node in body:
            self.step()
            self.statement(node)

    def statement(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                self.write(node_text(part) if isinstance(part, nodes.TemplateData) else shown(self.value(part)))
        elif isinstance(node, nodes.If):
            self.branch(node)
        elif isinstance(node, nodes.For):
            self.loop(node)
        elif isinstance(node, nodes.Assign):
            self.assign(node.target, self.value(node.node))
        elif isinstance(node, nodes.Scope):
            self.all(node.body)
        elif isinstance(node, nodes.Block) and node.name == "generation":
            start = len("".join(self.out))
            self.all(node.body)
            self.masked.append((start, len("".join(self.out))))
        elif isinstance(node, nodes.Break):
            raise _Break
        elif isinstance(node, nodes.Continue):
            raise _Continue
        elif isinstance(node, nodes.Macro):
            self.names[node.name] = node
        elif isinstance(node, nodes.ExprStmt):
            self.value(node.node)
        else:
            raise Unread(f"the chat template has a {type(node).__name__}, and that is not supported")

    def branch(self, node: nodes.If) -> None:
        for one in (node, *node.elif_):
            if truth(self.value(one.test)):
                return self.all(one.body)
        self.all(node.else_)

    def loop(self, node: nodes.For) -> None:
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

    def tested(self, node: nodes.For, item: object) -> bool:
        self.assign(node.target, item)
        return node.test is None or truth(self.value(node.test))

    def assign(self, target: nodes.Node, value: Any) -> None:
        if isinstance(target, nodes.Name):
            self.names[target.name] = value
        elif isinstance(target, nodes.NSRef):
            self.names[target.name][target.attr] = value
        elif isinstance(target, nodes.Tuple):
            for one, part in zip(target.items, list(value), strict=True):
                self.assign(one, part)
        else:
            raise Unread("the chat template has an unsupported assignment")

    # -- expressions ---------------------------------------------------------------------------------------------

    def value(self, node: nodes.Node) -> Any:
        self.step()
        value = self.evaluated(node)
        if isinstance(value, (str, list)) and len(value) > LONGEST or isinstance(value, int) and abs(value) > 1 << 63:
            raise Unread("a value in the chat template is too long")
        return value

    def evaluated(self, node: nodes.Node) -> Any:
        if isinstance(node, nodes.Const):
            return node.value
        if isinstance(node, nodes.TemplateData):
            return node.data
        if isinstance(node, nodes.Name):
            return self.names.get(node.name, UNDEFINED)
        if isinstance(node, (nodes.List, nodes.Tuple)):
            return [self.value(item) for item in node.items]
        if isinstance(node, nodes.Dict):
            return {self.value(pair.key): self.value(pair.value) for pair in node.items}
        if isinstance(node, (nodes.Getattr, nodes.Getitem)):
            return self.item(node)
        if isinstance(node, (nodes.And, nodes.Or)):
            left = self.value(node.left)
            return self.value(node.right) if truth(left) == isinstance(node, nodes.And) else left
        if isinstance(node, nodes.Not):
            return not truth(self.value(node.node))
        if isinstance(node, nodes.Neg):
            return -self.value(node.node)
        if isinstance(node, nodes.CondExpr):
            chosen = node.expr1 if truth(self.value(node.test)) else node.expr2
            return self.value(chosen) if chosen is not None else ""
        if isinstance(node, nodes.Concat):
            return "".join(shown(self.value(part)) for part in node.nodes)
        if isinstance(node, (nodes.Add, nodes.Sub, nodes.Mul, nodes.Mod, nodes.Div, nodes.FloorDiv)):
            return arithmetic(type(node).__name__, self.value(node.left), self.value(node.right))
        if isinstance(node, nodes.Compare):
            return self.comparison(node)
        if isinstance(node, nodes.Test):
            return self.test(node)
        if isinstance(node, nodes.Filter):
            return self.filter(node)
        if isinstance(node, nodes.Call):
            return self.call(node)
        raise Unread(f"the chat template has a {type(node).__name__}, and that is not supported")

    def item(self, node: nodes.Getattr | nodes.Getitem) -> Any:
        owner = self.value(node.node)
        if isinstance(node, nodes.Getattr):
            key: Any = node.attr
        elif isinstance(node.arg, nodes.Slice):
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

    def comparison(self, node: nodes.Compare) -> bool:
        left = self.value(node.expr)
        for one in node.ops:
            right = self.value(one.expr)
            if not compared(one.op, left, right):
                return False
            left = right
        return True

    def test(self, node: nodes.Test) -> bool:
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

    def filter(self, node: nodes.Filter) -> Any:
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

    def call(self, node: nodes.Call) -> Any:
        callee = node.node
        given = [self.value(arg) for arg in node.args]
        named = {pair.key: self.value(pair.value) for pair in node.kwargs}
        if isinstance(callee, nodes.Name) and callee.name == "namespace":
            return dict(named)
        if isinstance(callee, nodes.Name) and callee.name == "dict":
            return {**(given[0] if given else {}), **named}
        if isinstance(callee, nodes.Name) and callee.name == "range":
            return list(range(*given))[:STEPS] if all(abs(g) < STEPS for g in given) else self.fail("range")
        if isinstance(callee, nodes.Name) and callee.name == "raise_exception":
            raise Unread("the chat template rejects a question and an answer")
        if isinstance(callee, nodes.Name) and callee.name == "strftime_now":
            return "today"
        if isinstance(callee, nodes.Getattr):
            return self.method(self.value(callee.node), callee.attr, given)
        if isinstance(callee, nodes.Name) and isinstance(made := self.names.get(callee.name), nodes.Macro):
            return self.macro(made, given, named)
        return self.fail(getattr(callee, "name", "something"))

    def method(self, owner: object, name: str, given: list[Any]) -> Any:
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

    def macro(self, node: nodes.Macro, given: list[Any], named: dict[str, Any]) -> str:
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


def node_text(part: nodes.TemplateData) -> str:
    return str(part.data)


def truth(value: object) -> bool:
    return value is not UNDEFINED and bool(value)


def shown(value: object) -> str:
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
