"""Code that tries one version of a library and falls back to another: arguments in it are no defect.

try:                                            if "max_length" in inspect.signature(SFTConfig).parameters:
    args = SFTConfig(max_length=2048)               settings["max_length"] = 2048
except TypeError:
    args = SFTConfig(max_seq_length=2048)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Iterable

from ...source.spans import Span
from ...training_plan.values import Place, Value

if TYPE_CHECKING:
    import libcst as cst

    from ...source import Source

CATCHES = {"TypeError", "ImportError", "ModuleNotFoundError", "AttributeError", "RuntimeError", "ValueError"}
ENDING = re.compile(r"raise\b|(?:sys\.|os\._)?exit\(|quit\(")
ASKS = "version signature hasattr getfullargspec __dataclass_fields__ find_spec available _compat supports_".split()


class Guards:
    """The guarded nodes of a script's sources, computed on first use.

    `looked_up`: the callables whose signatures the script inspects, as a helper does whose parameter they are.
    """

    def __init__(self, looked_up: Iterable[str] = ()) -> None:
        self._looked_up = {name.rpartition(".")[2] for name in looked_up}
        self._of: dict[tuple[int, str], set[int]] = {}
        self._choices: dict[int, list[Any]] = {}
        self._asked: dict[tuple[int, str], bool] = {}

    def over(self, place: Place | None, value: Value | None = None, name: str = "") -> bool:
        """Return whether a place, or a place of the value's trace, is in guarded code; `name` is the callee there."""
        places = [p for p in (place, *(value.trace if value is not None else ())) if p is not None]
        return any(
            id(p.node) in self._guarded(p.source, name)
            for p in places
            if p.node is not None and not isinstance(p.node, Span)  # as a place in a YAML file is
        )

    def asked(self, source: Source | None, name: str) -> bool:
        """Return whether the script inspects the signature of a class, as before a call of it."""
        if name in self._looked_up:
            return True
        key = id(source), name
        if key not in self._asked:
            self._asked[key] = _looks_at(name, getattr(source, "text", ""))
        return self._asked[key]

    def _guarded(self, source: Source, name: str) -> set[int]:
        from ...source.syntax import walk

        key = id(source), name
        if key not in self._of:
            roots = [root for node in self._choices_of(source) for root in _guarded_by(source, node, name)]
            self._of[key] = {id(node) for root in roots for node in walk(root)}
        return self._of[key]

    def _choices_of(self, source: Source) -> list[Any]:
        """Return the nodes of a source that may take one of two branches."""
        if id(source) not in self._choices:
            text = getattr(source, "text", "")
            possible = "except" in text or _asks(text)
            self._choices[id(source)] = _all_choices(source) if possible else []
        return self._choices[id(source)]


def _looks_at(name: str, text: str) -> bool:
    """Return whether a text asks for the signature of what it calls `name`."""
    if f"{name}." not in text and not any(word in text for word in ("signature(", "getfullargspec(", "fields(")):
        return False
    word = re.escape(name)  # a callee may be code: `(a or b).strip`
    asked = rf"(?:signature|getfullargspec|fields)\(\s*{word}\b|{word}\.(?:__init__|__dataclass_fields__|__code__)"
    return re.search(asked, text) is not None


def _all_choices(source: Source) -> list[Any]:
    """Return every `try`, and the branches and comprehensions with a test that asks for a version."""
    import libcst as cst

    from ...source.positions import code_of

    def asks(tests: list[cst.BaseExpression]) -> bool:
        return any(_asks(code_of(source.tree, test)) for test in tests)

    kinds: tuple[type[cst.If] | type[cst.IfExp], ...] = (cst.If, cst.IfExp)
    branches = [node for kind in kinds for node in source.nodes.of(kind) if asks([node.test])]
    loops = [node for node in source.nodes.of(cst.CompFor) if asks([one.test for one in node.ifs])]
    return [*source.nodes.of(cst.Try), *branches, *loops]


def _asks(text: str) -> bool:
    lower = text.lower()  # and one search a word: alternatives without case are tried at every letter
    return any(word in lower for word in ASKS) or "fields" in lower and re.search(r"\bfields\b", lower) is not None


def _guarded_by(source: Source, node: cst.Try | cst.If | cst.IfExp | cst.CompFor, name: str) -> list[cst.CSTNode]:
    """Return the parts of a choice that are meant for only one version of a library."""
    import libcst as cst

    from ...source.syntax import below

    if isinstance(node, cst.Try):
        guarded = any(_falls_back(source, handler, name) for handler in node.handlers)
        return [child for child in below(node) if child is not node.finalbody] if guarded else []
    inner = node.inner_for_in if isinstance(node, cst.CompFor) else None
    return [child for child in below(node) if child is not inner]


def _falls_back(source: Source, handler: cst.ExceptHandler, name: str) -> bool:
    """Return whether a handler falls back to another version, rather than reports that the training failed."""
    from ...source.positions import code_of

    if _ends(source, handler):
        return False
    caught = code_of(source.tree, handler.type) if handler.type is not None else ""
    names = set(re.findall(r"\w+", caught))
    if names & {"ImportError", "ModuleNotFoundError"}:
        return True
    body = "\n".join(code_of(source.tree, statement) for statement in handler.body.body)
    if names & CATCHES or not names or names & {"Exception", "BaseException"}:
        return (
            bool(name)
            and re.search(rf"\b{re.escape(name)}\b", body) is not None
            or re.search(r"^[ \t]*(?:from|import) \w", body, re.MULTILINE) is not None
        )
    return False


def _ends(source: Source, handler: cst.ExceptHandler) -> bool:
    """Return whether a handler ends the program: its last statement raises or exits."""
    import libcst as cst

    from ...source.positions import code_of

    line = handler.body.body[-1]
    last = line.body[-1] if isinstance(line, cst.SimpleStatementLine) else line
    return isinstance(last, (cst.Raise, cst.Expr)) and ENDING.match(code_of(source.tree, last)) is not None
