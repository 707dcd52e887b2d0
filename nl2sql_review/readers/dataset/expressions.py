"""Converts values that depend on the row to expressions for evaluation on rows, listed in `training_plan/feeds.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...source.literals import literal
from ...training_plan.feeds import Expression
from ...training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value
from .columns import argument, cuts_by_tables, method_of, reading, receiver

METHODS = frozenset(
    "strip lstrip rstrip lower upper title capitalize replace split rsplit splitlines join format removeprefix "
    "removesuffix startswith endswith encode count keys values items isspace isdigit partition rpartition".split()
)
FUNCTIONS = {
    "str": "str", "len": "len", "bool": "bool", "int": "int", "float": "float", "repr": "repr", "list": "list",
    "any": "any", "all": "all", "min": "min", "max": "max", "isinstance": "", "json.dumps": "dumps",
    "textwrap.shorten": "shorten", "sorted": "sorted", "tuple": "list", "sum": "sum",
}  # fmt: skip
ROW_OF_FILE = re.compile(r"""^(?:json\.loads\(a line of open\(|json\.load\(open\(|jsonlines\.)""")
OPENED = re.compile(r"""open\((?:Path\()?(['"])(?P<path>[^'"]+)\1""")
JOIN = re.compile(r"""^(?P<separator>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\.join of """)
METHOD = re.compile(r"""^f?['"].*\.(?P<name>\w+)\([^()]*\)$""", re.DOTALL)  # of a text: `f"…".encode()`
SPECIAL = {"eos_token": "eos", "bos_token": "bos"}
DEEPEST = 40


def expression(value: object, depth: int = 0) -> Expression:
    """Return the expression of a value; a value that cannot be converted becomes `unknown` with its reason."""
    if depth > DEEPEST:
        return ["unknown", "an expression that is nested too deeply"]
    match value:
        case str():
            return ["const", value]
        case Known(plain) | Default(plain):
            return _plain(plain, depth)
        case Text(parts):
            return ["text", [expression(part, depth + 1) for part in parts]]
        case Either(options):
            return ["either", [expression(option, depth + 1) for option in options]]
        case Term():
            return _term(value, depth)
        case Unknown(why):
            return _joined(value, depth) or _listed(value, depth) or ["unknown", why]
        case Absent():
            return ["unknown", value.why or "it is not set"]
    return ["unknown", "it is not known"]


def _plain(plain: object, depth: int) -> Expression:
    if plain is None or isinstance(plain, (str, int, float, bool)):
        return ["const", plain]
    if isinstance(plain, (list, tuple, set, frozenset)) and all(isinstance(each, (str, int, float)) for each in plain):
        return ["const", list(plain)]
    if isinstance(plain, (list, tuple)):
        return ["list", [expression(each, depth + 1) for each in plain]]
    if type(plain).__name__ == "Row":
        return ["row"]
    return ["unknown", f"{getattr(plain, 'text', type(plain).__name__)} is known only at run time"]


def _term(term: Term, depth: int) -> Expression:
    if term.operation == "row" or ROW_OF_FILE.match(term.text) and term.operation != "attribute" and _is_row(term):
        return ["row"]
    read = reading(term)
    if read:
        if _is_element(read):
            return ["element", _elements(read[0])]
        owner, key = expression(read[0], depth + 1), expression(read[1], depth + 1)
        if term.operation == "item":
            tokens = owner[:2] == ["call", "tokenize"] and key == ["const", "input_ids"]
            return owner if tokens else ["item", owner, key]
        return ["get", owner, key, expression(read[2], depth + 1) if len(read) > 2 else None]
    args = term.args
    if term.operation == "slice" and len(args) >= 3:
        return ["slice", expression(args[0], depth + 1), *(_bound(arg, depth) for arg in args[1:3])]
    if term.operation in ("or", "and"):
        return [term.operation, *(expression(arg, depth + 1) for arg in args)]
    if term.operation == "not" and args:
        return ["not", expression(args[0], depth + 1)]
    if term.operation == "attribute" and len(args) > 1:
        name = args[1].value if isinstance(args[1], Known) else ""
        if name in SPECIAL:
            return ["special", SPECIAL[name]]
        owner = expression(args[0], depth + 1)
        if owner == ["row"] and isinstance(name, str):
            return ["item", owner, ["const", name]]
    if term.operation == "op" and len(args) == 2:
        return _operation(term, depth)
    if term.operation == "call":
        return _call(term, depth)
    return ["unknown", f"`{_short(term.text)}` is not evaluated"]


def _is_row(term: Term) -> bool:
    """Return whether a term is an element of a file that the script reads itself, not a part of an element."""
    if term.text.startswith("json.loads("):
        return term.operation == "call"
    return term.operation in ("item", "call") and term.text.endswith(("[i]", ")"))


def file_of(term: Term) -> str:
    """Return the path of the file that the script opens to read a row, or "" if it does not."""
    found = OPENED.search(term.text)
    return found["path"] if found else ""


def _bound(value: Value, depth: int) -> Expression | None:
    if isinstance(value, Absent) or isinstance(value, Known) and value.value is None:
        return None
    return expression(value, depth + 1)


def _operation(term: Term, depth: int) -> Expression:
    """Return the expression of an operation; the operator is the word between its operands."""
    left, right = term.args
    words = re.findall(r"\s(not in|in|is not|is|==|!=|<=|>=|<|>|\+|\*|-|%)\s", term.text)
    known = dict.fromkeys(words)
    if len(known) == 1:
        operator = next(iter(known))
    else:
        operator = next((word for word in known if _between(word, left, right, term.text)), "")
    if not operator:
        return ["unknown", f"`{_short(term.text)}` is not evaluated"]
    return ["op", operator, expression(left, depth + 1), expression(right, depth + 1)]


def _between(operator: str, left: Value, right: Value, text: str) -> bool:
    before, _, after = text.partition(f" {operator} ")
    return before.strip("()") == _text(left).strip("()") or after.strip("()") == _text(right).strip("()")


def _text(value: Value) -> str:
    return value.text if isinstance(value, Term) else repr(getattr(value, "value", ""))


def _call(term: Term, depth: int) -> Expression:
    name = method_of(term)
    positional = [arg for arg in term.args if not (isinstance(arg, Term) and arg.operation in ("keyword", "receiver"))]
    keywords = [arg for arg in term.args if isinstance(arg, Term) and arg.operation == "keyword"]
    owner = receiver(term)
    if cuts_by_tables(term):
        given = [(0, "schema"), (1, "limit"), (2, "sql"), (3, "seed")]
        found = [argument(term, at, named) for at, named in given]
        usual: list[Expression] = [["unknown", "the schema"], ["unknown", "the limit"], ["const", ""], ["const", 0]]
        made = [
            other if isinstance(value, Absent) else expression(value, depth + 1) for value, other in zip(found, usual)
        ]
        return ["call", "cut", *made]
    tokenizer = "okenizer" in term.text.partition("(")[0]
    if not isinstance(owner, Absent) and name in METHODS and not keywords and not tokenizer:
        return ["call", f".{name}", expression(owner, depth + 1), *(expression(arg, depth + 1) for arg in positional)]
    callee = term.text.partition("(")[0]
    if name in ("__call__", "encode") and tokenizer and positional:
        return ["call", "tokenize", expression(positional[0], depth + 1)]
    ending = METHOD.search(term.text)
    if ending is not None and ending["name"] in METHODS and positional and isinstance(positional[0], Text):
        return ["call", f".{ending['name']}", *(expression(arg, depth + 1) for arg in positional)]
    known = FUNCTIONS.get(callee) or FUNCTIONS.get(callee.removeprefix("builtins."))
    if known == "shorten":
        width = argument(term, 1, "width")
        return ["call", "shorten", expression(positional[0], depth + 1), expression(width, depth + 1)]
    if known and positional and (not keywords or known == "dumps"):
        return ["call", known, *(expression(arg, depth + 1) for arg in positional)]
    return ["unknown", f"`{_short(term.text)}` is not evaluated"]


def _joined(value: Unknown, depth: int) -> Expression | None:
    """Return the expression of `", ".join(column for column in row["columns"])`, or None.

    It holds the separator, the sequence, and the expression for an element.
    """
    found = JOIN.match(value.why)
    parts = value.parts
    if found is None or not isinstance(parts, list) or len(parts) != 1:
        return None
    try:
        separator = literal(found["separator"])
    except ValueError:
        return None
    read = sorted(_sequences(parts[0]), key=lambda pair: -pair[0])
    read = read or sorted(_sequences(parts[0], nested=True), key=lambda pair: pair[0])
    if not isinstance(separator, str) or not read:
        return None
    return ["join", separator, expression(read[0][1], depth + 1), expression(parts[0], depth + 1), read[0][0]]


def _sequences(value: object, depth: int = 0, nested: bool = False) -> Iterator[tuple[int, Value]]:
    """Yield (the number of sequence elements inside it, a sequence) for every sequence element that is read.

    Those of a nested join are left out, unless `nested`.
    """
    if depth > DEEPEST:
        return
    if isinstance(value, Term):
        read = reading(value)
        if _is_element(read):
            yield _elements(read[0]), read[0]
        inner: Any = value.args
    elif isinstance(value, Text):
        inner = value.parts
    elif isinstance(value, Unknown) and (nested or not JOIN.match(value.why)):
        inner = value.parts if isinstance(value.parts, (list, tuple)) else ()
    else:
        return
    for each in inner:
        yield from _sequences(each, depth + 1, nested)


def _is_element(read: tuple[Value, ...]) -> bool:
    return len(read) > 1 and isinstance(read[1], Term) and read[1].operation == "symbol"


def _elements(value: object, depth: int = 0) -> int:
    """Return how many elements of sequences an expression is taken from."""
    if depth > DEEPEST or not isinstance(value, Term):
        return 0
    read = reading(value)
    return (1 if _is_element(read) else 0) + (_elements(read[0], depth + 1) if read else 0)


def _listed(value: Unknown, depth: int) -> Expression | None:
    """Return a list whose elements are all known as expressions."""
    if isinstance(value.parts, list) and value.parts and value.why.startswith("element"):
        return ["list", [expression(part, depth + 1) for part in value.parts]]
    return None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def uncut(made: Expression) -> Expression:
    """Return an expression without the slices and shortenings that cut off its end."""
    if made[0] == "slice" and made[2] in (None, ["const", 0], ["const", None]):
        return uncut(made[1])
    if made[0] == "call" and made[1] in ("shorten", ".strip", ".rstrip", "str", "cut"):
        return [*made[:2], uncut(made[2]), *made[3:]] if made[1] not in ("shorten", "cut") else uncut(made[2])
    if made[0] in ("text", "list"):
        return [made[0], [uncut(part) for part in made[1]]]
    if made[0] in ("either", "or", "and"):
        rest = made[1] if made[0] == "either" else made[1:]
        return ["either", [uncut(part) for part in rest]] if made[0] == "either" else [made[0], *map(uncut, rest)]
    return made


def cut_of(made: Expression) -> tuple[int | None, str]:
    """Return (the limit, the way in which an expression cuts: "slice", "tables" or "")."""
    if made[0] == "const":
        return None, ""
    if made[0] == "slice" and made[3] is not None and made[2] in (None, ["const", 0], ["const", None]):
        limit = made[3][1] if made[3][0] == "const" and isinstance(made[3][1], int) else None
        return (None, "") if limit is not None and limit < 0 else (limit, "slice")
    if made[0] == "call" and made[1] in ("shorten", "cut"):
        limit = made[3][1] if made[3][0] == "const" and isinstance(made[3][1], int) else None
        return limit, "slice" if made[1] == "shorten" else "tables"
    inner = made[1] if made[0] in ("text", "list", "either") else made[2:] if made[0] == "call" else made[1:]
    for part in inner:
        if isinstance(part, list) and part and isinstance(part[0], str):
            limit, kind = cut_of(part)
            if kind:
                return limit, kind
    return None, ""
