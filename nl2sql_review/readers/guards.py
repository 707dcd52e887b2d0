"""Code that tries one version of a library and falls back to another: what stands there is no defect.

    try:                                            if "max_length" in inspect.signature(SFTConfig).parameters:
        args = SFTConfig(max_length=2048)               settings["max_length"] = 2048
    except TypeError:
        args = SFTConfig(max_seq_length=2048)
"""

from __future__ import annotations

import re
from typing import Any, Iterator

from ..values import Place, Value

CATCHES = {"TypeError", "ImportError", "ModuleNotFoundError", "AttributeError", "RuntimeError", "ValueError"}
ASKS = re.compile(r"version|signature|hasattr|getfullargspec|__dataclass_fields__|\bfields\b|find_spec|available|_compat|supports_", re.IGNORECASE)
INLINE = re.compile(rf"\bif\b[^\n]*(?:{ASKS.pattern})", re.IGNORECASE)


class Guards:
    """The guarded nodes of the sources of a script, found when first asked for."""

    def __init__(self) -> None:
        self._of: dict[int, set[int]] = {}

    def over(self, place: Place | None, value: Value | None = None, name: str = "") -> bool:
        """Whether a place, or one that the value came through, stands in such code; `name` is what is called there."""
        places = [p for p in (place, *(value.trace if value is not None else ())) if p is not None]
        return any(id(p.node) in self._guarded(p.source, name) for p in places if hasattr(p.node, "children"))  # a place in a YAML file is a span

    def asked(self, source: Any, name: str) -> bool:
        """Whether the script looks at the signature of a class before it calls it."""
        text = getattr(source, "text", "")
        return re.search(rf"(?:signature|getfullargspec|fields)\(\s*{name}\b|{name}\.(?:__init__|__dataclass_fields__|__code__)", text) is not None

    def _guarded(self, source: Any, name: str) -> set[int]:
        key = hash((id(source), name))
        if key not in self._of:
            self._of[key] = set(self._walk(source, name))
        return self._of[key]

    def _walk(self, source: Any, name: str) -> Iterator[int]:
        """Ids of all nodes in guarded statements. Only statements are walked to find those; it is done once a finding."""
        text = getattr(source, "text", "")
        if "except" not in text and not ASKS.search(text):
            return
        inline = INLINE.search(text) is not None
        stack: list[tuple[Any, bool]] = [(source.tree, False)]
        while stack:
            node, inside = stack.pop()
            kind = type(node).__name__
            if inside:
                yield id(node)
            elif kind == "Try":
                guarded = any(_falls_back(source, handler, name) for handler in node.handlers)
                stack += [(child, guarded and child is not node.finalbody) for child in node.children]
                continue
            elif kind in ("If", "IfExp", "CompFor"):
                tests = [node.test] if kind != "CompFor" else [i.test for i in node.ifs]
                inside = any(ASKS.search(_code(source, test)) for test in tests)
            elif kind == "SimpleStatementLine" and not inline:
                continue
            stack += [(child, inside) for child in node.children]


def _falls_back(source: Any, handler: Any, name: str) -> bool:
    """Whether a handler is there for another version, rather than to report that the training failed."""
    caught = _code(source, handler.type) if handler.type is not None else ""
    names = set(re.findall(r"\w+", caught))
    if names & {"ImportError", "ModuleNotFoundError"}:
        return True
    body = _code(source, handler.body)
    if names & CATCHES or not names or names & {"Exception", "BaseException"}:
        return bool(name) and re.search(rf"\b{name}\b", body) is not None or re.search(r"^\s*(?:from|import) \w", body, re.MULTILINE) is not None
    return False


def _code(source: Any, node: Any) -> str:
    return source.tree.code_for_node(node) if node is not None else ""
