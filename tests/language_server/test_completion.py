"""Completion in settings and in the comments that ignore a rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from nl2sql_review.policy import rulebook
from nl2sql_review.serve.language_server import completion

from .driver import Editor, drive


def test_settings_and_suppressions_complete(tmp_path: Path) -> None:
    settings = 'fail-on = "\nselect = ["lora/\n"lora/rank" = { \n\n'
    script = "x = 1  # nl2sql: ignore[lora/\n# nl2sql: \n# gpu: \ny = 2\n"
    project = "[project]\n\n[tool.nl2sql-review]\n\n"

    async def work(editor: Editor) -> None:
        uri = editor.open("nl2sql-review.toml", settings, "toml")
        assert await editor.completions(uri, types.Position(0, 11)) == ["error", "warning", "advice"]
        assert "lora/rank" in await editor.completions(uri, types.Position(1, 16))
        assert {"equals", "severity"} <= set(await editor.completions(uri, types.Position(2, 16)))
        uri = editor.open("other/nl2sql-review.toml", 'policy = "', "toml")
        policies = await editor.completions(uri, types.Position(0, 10))
        for name in policies:  # each is one that the settings take
            editor.write("other/nl2sql-review.toml", f'policy = "{name}"\n')
            assert not (await editor.pull(editor.open(f"other/{name}.py", "x = 1\n"))).items, name
        assert {"nl2sql", "recommended", "general"} <= set(policies)
        uri = editor.uri("nl2sql-review.toml")
        keys = await editor.completions(uri, types.Position(3, 0))
        assert {"gpu", "min-certainty", "lora/rank"} <= set(keys) and "root" not in keys
        uri = editor.open("pyproject.toml", project, "toml")
        assert await editor.completions(uri, types.Position(1, 0)) == []
        assert "gpu" in await editor.completions(uri, types.Position(3, 0))
        uri = editor.open("train.py", script)
        assert {"lora/rank", "prompt"} <= set(await editor.completions(uri, types.Position(0, 29)))
        assert await editor.completions(uri, types.Position(1, 10)) == ["ignore", "ignore-file"]
        assert "T4" in await editor.completions(uri, types.Position(2, 7))
        assert await editor.completions(uri, types.Position(3, 3)) == []

    drive(work, tmp_path)


@pytest.mark.parametrize(
    "name, text, offered, withheld",
    [
        ("nl2sql-review.toml", "select = ['lora/", "lora/rank", "gpu"),
        ("nl2sql-review.toml", 'select = [\n  "lora/rank",\n  "', "lora/alpha", "gpu"),
        ("nl2sql-review.toml", 'select = ["lora"]\n"lora/', "lora/rank", ""),
        ("nl2sql-review.toml", '["lora/rank"]\n', "equals", "gpu"),
        ("nl2sql-review.toml", '["lora/rank"]\nseverity = "', "warning", "lora/rank"),
        ("nl2sql-review.toml", '[per-file-ignores]\n"old/*.py" = ["', "lora/rank", "gpu"),
        ("nl2sql-review.toml", "[per-file-ignores]\n", "", "gpu"),
        ("pyproject.toml", '[tool.nl2sql-review."lora/rank"]\n', "at_least", "gpu"),
        ("pyproject.toml", "[tool.nl2sql-review]\nselect = ['", "lora/rank", "gpu"),
        ("pyproject.toml", "[tool.nl2sql-review]\n[tool.ruff]\n", "", "select"),
    ],
)
def test_what_a_table_and_a_list_of_several_lines_take(name: str, text: str, offered: str, withheld: str) -> None:
    above, _, before = text.rpartition("\n")
    found = {one.label for one in completion.at(f"/project/{name}", before, above, rulebook.load(()))}
    assert (offered in found) is bool(offered) and withheld not in found
