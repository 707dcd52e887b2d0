"""Completion in settings and in the comments that ignore a rule."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

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
