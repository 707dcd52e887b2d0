"""F-strings, strings beside each other, and t-strings, which are not modelled."""

from __future__ import annotations

import re
from typing import Any
from typing import Sequence as Sequence_

import libcst as cst

from ...source.spans import NEWLINE
from ...source.syntax import string_value
from ...training_plan.values import Known, Text, Unknown, Value, traced
from ..core.machine import Machine
from ..core.objects import Arguments, Instance, Scope
from ..core.state import place_of
from .texts import concatenate, to_text

TEMPLATE = Unknown("TemplateStr is not modelled")  # t"{x}" is an object with the parts of the text
TEMPLATES: tuple[type, ...] = (cst.TemplatedString,) if hasattr(cst, "TemplatedString") else ()


def concatenated(m: Machine, node: cst.ConcatenatedString, scope: Scope) -> Value:
    pieces: list[cst.BaseExpression] = [node]
    while isinstance(last := pieces[-1], cst.ConcatenatedString):
        pieces[-1:] = [last.left, last.right]
    if any(isinstance(piece, TEMPLATES) for piece in pieces):
        return TEMPLATE
    plain = [string_value(piece) for piece in pieces if isinstance(piece, cst.SimpleString)]
    if len(plain) < len(pieces):
        return joined(m, pieces, node, scope)
    return Known((b"" if isinstance(plain[0], bytes) else "").join(plain), (place_of(scope, node),))  # type: ignore[arg-type]  # all are of one kind


def formatted(m: Machine, node: cst.FormattedString, scope: Scope) -> Value:
    return joined(m, [node], node, scope)


def joined(m: Machine, pieces: list[Any], node: cst.BaseString, scope: Scope) -> Value:
    """Return f-strings, and plain strings beside them, as one value."""
    parts: list[Value] = []
    for piece in pieces:
        if isinstance(piece, cst.SimpleString):
            parts.append(Known(string_value(piece)))
            continue
        raw = "r" in piece.start.lower()
        for part in piece.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(Known(unescaped(part.value, raw)))
                continue
            value = m.evaluate(part.expression, scope)
            spec = formatted_spec(m, part.format_spec, raw, scope) if part.format_spec is not None else ""
            conversion = part.conversion or ""
            if part.equal is not None:
                parts.append(Known(code_of(part)))
                conversion = conversion or ("r" if part.format_spec is None else "")
            parts.append(Text((value,), value.trace) if spec is None else printed(m, value, conversion, spec, node))
    out = concatenate(parts)
    if not out.trace or isinstance(out, Text):
        return traced(out, (place_of(scope, node),))
    return out


ESCAPES = re.compile(r"\\N\{[^{}\\]*\}|\\[^{}]|\\|\{\{|\}\}|\"", re.DOTALL)  # in the text of an f-string


MENDED = {"{{": "{", "}}": "}", "\\": "\\\\", '"': '\\"'}


def unescaped(text: str, raw: bool) -> str:
    """Return the unescaped text between the fields of an f-string."""
    text = NEWLINE.sub("\n", text) if "\r" in text else text
    if raw or "\\" not in text:
        return text.replace("{{", "{").replace("}}", "}")
    mended = ESCAPES.sub(lambda match: MENDED.get(match[0], match[0]), text)
    return str(string_value(cst.SimpleString(f'"""{mended}"""')))


def code_of(part: cst.FormattedStringExpression) -> str:
    """Return the code of `{code=}`, with its equals sign."""
    assert part.equal is not None
    code = map(cst.Module(()).code_for_node, (part.whitespace_before_expression, part.expression, part.equal))
    return NEWLINE.sub("\n", "".join(code))


def printed(m: Machine, value: Value, conversion: str, spec: str, node: cst.CSTNode | None) -> Value:
    """Return the text of a value in an f-string. Objects of the script define their own text."""
    obj = value.value if isinstance(value, Known) else None
    if isinstance(obj, Instance):
        if not conversion and obj.cls.lookup("__format__") is not None:
            return m.call(m.attribute(value, "__format__", node), Arguments([Known(spec)]), node)
        names = ("__repr__",) if conversion in ("r", "a") else ("__str__", "__repr__")
        method = next((name for name in names if obj.cls.lookup(name) is not None), None)
        if method is not None:
            return to_text(m.call(m.attribute(value, method, node), Arguments(), node), "", spec)
    return to_text(value, conversion, spec)


def formatted_spec(m: Machine, parts: Sequence_[cst.BaseFormattedStringContent], raw: bool, scope: Scope) -> str | None:
    out = ""
    for part in parts:
        if isinstance(part, cst.FormattedStringText):
            out += unescaped(part.value, raw)
        elif isinstance(part, cst.FormattedStringExpression):
            v = m.evaluate(part.expression, scope)
            if not isinstance(v, Known):
                return None
            out += (code_of(part) if part.equal is not None else "") + str(v.value)
    return out
