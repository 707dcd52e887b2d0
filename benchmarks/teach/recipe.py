"""The reference trainer's numbers and prompt, read from its text: importing it would import Unsloth."""

from __future__ import annotations

import ast
from pathlib import Path

TRAINER = Path(__file__).resolve().parents[2] / "examples" / "train_unsloth_complete.py"


def read(path: Path = TRAINER) -> dict[str, object]:
    """Every constant in capitals at the top of the script by its name; only literals, and names of earlier ones."""
    known: dict[str, object] = {}

    class Earlier(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.Constant(known[node.id]) if node.id in known else node  # type: ignore[arg-type]

    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                known[node.targets[0].id] = ast.literal_eval(Earlier().visit(node.value))
            except ValueError:
                continue
    return known


RECIPE = read()
PROMPT = str(RECIPE["PROMPT"])
LIMIT = int(str(RECIPE["SCHEMA_LIMIT"]))
