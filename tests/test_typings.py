"""What `typings/` says of libraries is what they are: every class and method is there and takes those parameters."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

TYPINGS = Path(__file__).resolve().parents[1] / "typings"
STUBS = [path for library in ("mcp", "pygls") for path in sorted((TYPINGS / library).rglob("*.pyi"))]
UNNAMED = {"ClientCapabilities", "Arguments", "Tool", "Tools", "LowLevelServer", "Root"}  # types of attributes only


@pytest.mark.parametrize("path", STUBS, ids=lambda path: str(path.relative_to(TYPINGS)))
def test_a_stub_says_what_is_there(path: Path) -> None:
    module = importlib.import_module(
        ".".join(path.relative_to(TYPINGS).with_suffix("").parts).removesuffix(".__init__")
    )
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            assert missing(node, getattr(module, node.name)) == set()
        elif isinstance(node, ast.ClassDef) and node.name not in UNNAMED:
            real = getattr(module, node.name)
            for method in node.body:
                if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    assert missing(method, getattr(real, method.name)) == set(), f"{node.name}.{method.name}"


def missing(stub: ast.FunctionDef | ast.AsyncFunctionDef, real: object) -> set[str]:
    """Parameters of a stub that the function does not take."""
    if isinstance(real, property):
        return set()
    taken = inspect.signature(real).parameters  # type: ignore[arg-type]
    if any(one.kind is one.VAR_KEYWORD for one in taken.values()):
        return set()
    return {one.arg for one in (*stub.args.args, *stub.args.kwonlyargs)} - {*taken}
