"""Format of `signatures.json`: all data over spans of versions, one callable per line, and the way back."""

from __future__ import annotations

import json
from typing import Any

from .versions import key_of
from .wanted import NOT_KEPT, WANTED


def packed(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for library in WANTED:
        if library not in found:
            continue
        versions = sorted(found[library], key=key_of)
        each = [found[library][v] for v in versions]
        callables: dict[str, Any] = {}
        for name in WANTED[library].callables:
            of = [e["callables"].get(name) for e in each]
            if not any(of):
                continue
            parameters = dict.fromkeys(p for one in of if one for p in one["parameters"])
            renamed = dict.fromkeys(p for one in of if one for p in one["renamed"])
            callables[name] = {
                "in": spans([one and 1 for one in of]),
                "bases": spans([one and (one["bases"] or None) for one in of]),
                "open": spans([one and (1 if one["open"] else None) for one in of]),
                "renamed": {p: spans([one and one["renamed"].get(p) for one in of]) for p in renamed},
                "parameters": {p: spans([one and one["parameters"].get(p) for one in of]) for p in parameters},
            }
        exports = {}
        for name in sorted({n for e in each for n in e["exports"]}):
            if len(name) > 3 and not NOT_KEPT.match(name.rpartition(".")[2]):
                there = spans([1 if name in e["exports"] or name in e["models"] else None for e in each])
                exports[name] = [span[:2] for span in there]
        requires = {
            lib: spans([e["requires"].get(lib) for e in each])
            for lib in sorted({r for e in each for r in e["requires"]})
        }
        made[library] = {"versions": versions, "callables": callables, "exports": exports, "requires": requires}
        if templates := sorted({t for e in each for t in e["templates"]}):
            made[library]["templates"] = {t: spans([e["templates"].get(t) for e in each]) for t in templates}
    return made


def spans(values: list[Any]) -> list[list[Any]]:
    """Return runs of equal values as [first, last, value], without None."""
    made: list[list[Any]] = []
    for i, value in enumerate(values):
        if value is None:
            continue
        if made and made[-1][1] == i - 1 and made[-1][2] == value:
            made[-1][1] = i
        else:
            made.append([i, i, value])
    return made


def unpacked(stored: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the data from the stored form: the inverse of `packed`."""
    found: dict[str, dict[str, Any]] = {}
    for library, data in stored.items():
        for i, version in enumerate(data["versions"]):
            callables = {}
            for name, c in data["callables"].items():
                if at(c["in"], i) is None:
                    continue
                parameters = {p: v for p, s in c["parameters"].items() if (v := at(s, i)) is not None}
                renamed = {p: v for p, s in c["renamed"].items() if (v := at(s, i)) is not None}
                callables[name] = {
                    "parameters": parameters,
                    "bases": at(c["bases"], i) or [],
                    "open": bool(at(c["open"], i)),
                    "renamed": renamed,
                }
            exports = [n for n, s in data["exports"].items() if any(first <= i <= last for first, last in s)]
            requires = {lib: v for lib, s in data["requires"].items() if (v := at(s, i)) is not None}
            templates = {t: v for t, s in data.get("templates", {}).items() if (v := at(s, i)) is not None}
            found.setdefault(library, {})[version] = {
                "callables": callables,
                "exports": exports,
                "models": set(),
                "requires": requires,
                "templates": templates,
            }
    return found


def at(spans: list[list[Any]], i: int) -> Any:
    """Return the value that holds for version number `i`; spans are [first, last, value]."""
    return next((value for first, last, value in spans if first <= i <= last), None)


def dumped(data: dict[str, Any]) -> str:
    """Return JSON with one callable, export table or version list per line, for readable diffs of new releases."""
    lines = []
    for library, parts in data.items():
        inner = [f'  "{k}": {compact(v)}' for k, v in parts.items() if k != "callables"]
        calls = ",\n".join(f'   "{name}": {compact(c)}' for name, c in parts["callables"].items())
        inner.insert(1, f'  "callables": {{\n{calls}\n  }}')
        lines.append(f' "{library}": {{\n' + ",\n".join(inner) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compact(value: object) -> str:
    """Return JSON on one line, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
