"""Diagnostics, pushed and pulled, of scripts, of what they read, and of the cells of notebooks."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from nl2sql_review.serve.language_server import reviews
from nl2sql_review.serve.language_server.diagnostics import of_settings
from nl2sql_review.serve.language_server.documents import Document, Documents
from nl2sql_review.serve.language_server.positions import Positions
from nl2sql_review.serve.language_server.reviews import Desk

from .driver import Editor, drive
from .scripts import CONFIG, SETTINGS, SHORT, TRAIN

PULLS = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        diagnostic=types.DiagnosticClientCapabilities(related_document_support=True)
    )
)


def of_rule(found: Any, rule: str) -> types.Diagnostic | None:
    return next((one for one in found if one.code == rule), None)


def test_a_finding_is_pushed_with_rule_link_severity_and_each_place_once(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.write("conf.py", SETTINGS)
        editor.write("conf.yaml", CONFIG)
        uri = editor.open("train.py", TRAIN)
        found = await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)
        rank = of_rule(found, "lora/rank")
        assert rank is not None and rank.code_description is not None
        assert rank.range == types.Range(editor.at(uri, "r=settings.rank"), editor.at(uri, ",\n    lora_alpha"))
        assert rank.severity == types.DiagnosticSeverity.Warning  # policy, of severity error
        assert "64" in rank.message and "16" in rank.message
        assert rank.code_description.href.endswith("/rules/lora/rank/")
        places = [(one.location.uri, one.location.range.start.line) for one in rank.related_information or []]
        assert places == [(editor.uri("conf.py"), 5)]
        output = of_rule(found, "project/paths")
        assert output is not None and output.source == "nl2sql-review"

    drive(work, tmp_path)


def test_a_trap_is_an_error_and_what_nobody_reads_is_faded(tmp_path: Path) -> None:
    text = "from trl import SFTConfig, SFTTrainer\n\nargs = SFTConfig(output_dir='o', evaluation_strategy='no')\n"
    text += "SFTTrainer('Qwen/Qwen2.5-Coder-0.5B', args=args, train_dataset=None).train()\n"

    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", text)
        found = await editor.pushed(uri, bool)
        removed = of_rule(found, "api/removed-argument") or of_rule(found, "api/unknown-argument")
        assert removed is not None and removed.severity == types.DiagnosticSeverity.Error
        if removed.code == "api/removed-argument":
            assert list(removed.tags or []) == [types.DiagnosticTag.Deprecated]

    drive(work, tmp_path)


def test_an_edit_is_answered_for_the_newest_text_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "PAUSE", 2.0)  # no machine takes as long between two keys

    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", SHORT)
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)
        editor.client.diagnostics.clear()
        for rank in (128, 32, 8, 16):
            editor.type(uri, SHORT.replace("R = 64", f"R = {rank}"))
            await asyncio.sleep(0.01)
        found = await editor.pushed(uri, lambda _: True)
        assert of_rule(found, "lora/rank") is None  # none of the ranks in between was ever told
        report = await editor.pull(uri)
        assert of_rule(report.items, "lora/rank") is None

    drive(work, tmp_path)


def test_what_is_not_saved_counts_in_modules_and_configurations(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.write("conf.py", SETTINGS)
        editor.write("conf.yaml", CONFIG)
        uri = editor.open("train.py", TRAIN)
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)
        module = editor.open("conf.py", SETTINGS)
        editor.replace(module, "64", "16")
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is None and bool(all))
        config = editor.open("conf.yaml", CONFIG, "yaml")
        editor.replace(config, "0.1", "0.0")
        await editor.pushed(uri, lambda all: of_rule(all, "lora/dropout") is None and bool(all))
        editor.close(module)  # and what was not saved is gone
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)

    drive(work, tmp_path)


def test_settings_that_change_on_disk_count_at_once(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", SHORT)
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)
        settings = "nl2sql-review.toml"
        watched = types.DidChangeWatchedFilesParams([types.FileEvent(editor.uri(settings), types.FileChangeType(1))])
        editor.write(settings, '"lora/rank" = { equals = 64 }\n')
        editor.client.workspace_did_change_watched_files(watched)
        await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is None and bool(all))
        editor.write(settings, 'selekt = ["lora"]\n')
        editor.client.workspace_did_change_watched_files(watched)
        found = await editor.pushed(uri, lambda all: of_rule(all, "settings") is not None)
        assert len(found) == 1 and "selekt: unknown key" in found[0].message
        there = await editor.pushed(editor.uri(settings), bool)
        assert there[0].range.start == types.Position(0, 0)

    drive(work, tmp_path)


def test_a_client_that_pulls_is_not_pushed_to(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", SHORT)
        report = await editor.pull(uri)
        assert of_rule(report.items, "lora/rank") is not None
        again = await editor.pull(uri, report.result_id)
        assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
        editor.replace(uri, "R = 64", "R = 16")
        changed = await editor.pull(uri, report.result_id)
        assert of_rule(changed.items, "lora/rank") is None
        assert uri not in editor.client.diagnostics

    drive(work, tmp_path, capabilities=PULLS)


def test_columns_are_counted_in_the_units_of_the_client(tmp_path: Path) -> None:
    text = SHORT.replace("(model, r=R", "(model, '😀é', r=R")

    async def work(editor: Editor) -> None:
        uri = editor.open("träin.py", text)
        found = await editor.pushed(uri, lambda all: of_rule(all, "lora/rank") is not None)
        rank = of_rule(found, "lora/rank")
        assert rank is not None and rank.range.start == editor.at(uri, "r=R")

    drive(work, tmp_path)


def test_findings_of_a_notebook_stand_in_its_cells(tmp_path: Path) -> None:
    head, rest = SHORT.split("\nmodel, tokenizer")
    cells = [(2, "python", head), (1, "markdown", "# text"), (2, "python", f"model, tokenizer{rest}")]

    async def work(editor: Editor) -> None:
        notebook = editor.uri("train.ipynb")
        uris = [f"vscode-notebook-cell:{notebook[5:]}#{number}" for number in range(len(cells))]
        editor.client.notebook_document_did_open(
            types.DidOpenNotebookDocumentParams(
                types.NotebookDocument(
                    notebook,
                    "jupyter-notebook",
                    1,
                    [types.NotebookCell(types.NotebookCellKind(kind), u) for (kind, _, _), u in zip(cells, uris)],
                ),
                [types.TextDocumentItem(u, language, 1, text) for (_, language, text), u in zip(cells, uris)],
            )
        )
        found = await editor.pushed(uris[2], bool)
        rank = of_rule(found, "lora/rank")
        assert rank is not None and rank.range.start.line == 1
        assert [one.location.uri for one in rank.related_information or []] == [uris[0]]
        change = types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(2, uris[0]),
            [types.TextDocumentContentChangeWholeDocument(head.replace("64", "16"))],
        )
        editor.client.notebook_document_did_change(
            types.DidChangeNotebookDocumentParams(
                types.VersionedNotebookDocumentIdentifier(2, notebook),
                types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[change])),
            )
        )
        await editor.pushed(uris[2], lambda all: of_rule(all, "lora/rank") is None)
        pulled = await editor.pull(uris[2])
        assert of_rule(pulled.items, "lora/rank") is None

    drive(work, tmp_path)


def test_files_without_training_are_left_alone(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        report = await editor.pull(editor.open("app.py", "def f(x):\n    return x\n"))
        assert not report.items
        report = await editor.pull(editor.open("values.yaml", "a: [1, 2\n", "yaml"))
        assert not report.items

    drive(work, tmp_path)


def test_a_finding_on_a_long_call_marks_its_first_line_and_its_fixes_are_offered_there(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.write("conf.py", SETTINGS)
        editor.write("conf.yaml", CONFIG)
        uri = editor.open("train.py", TRAIN)
        found = await editor.pushed(uri, lambda all: of_rule(all, "memory/sequence-length") is not None)
        length = of_rule(found, "memory/sequence-length")
        assert length is not None
        assert length.range == types.Range(editor.at(uri, "SFTConfig(\n"), editor.at(uri, "SFTConfig(\n", 10))
        assert all(one.range.start.line == one.range.end.line for one in found)
        titles = [one.title for one in await editor.actions(uri, "gradient_accumulation_steps=8")]
        assert any("arguments/gradient-accumulation" in one for one in titles)
        assert not any("memory/sequence-length" in one for one in titles)

    drive(work, tmp_path)


def test_a_notebook_that_is_sent_as_one_script_is_read_as_python(tmp_path: Path) -> None:
    """As jupyterlab-lsp does it, below a folder that is not on disk: modules are beside the notebook."""

    async def work(editor: Editor) -> None:
        editor.write("conf.py", "RANK = 64\n")
        text = SHORT.replace("R = 64", "from conf import RANK as R")
        uri = editor.open(".virtual_documents/train.ipynb", text)
        assert "lora/rank" in [one.code for one in (await editor.pull(uri)).items]
        assert "`64`" in (await editor.hover(uri, "r=R") or "")
        editor.type(uri, SHORT)
        found = of_rule((await editor.pull(uri)).items, "lora/rank")
        assert found is not None and "from R = 64 (line 3 of all cells)" in found.message
        hover = await editor.hover(uri, "r=R") or ""
        assert f"[line 3 of all cells]({uri}#L3)" in hover and ".ipynb.py" not in hover
        twin = editor.open("real.ipynb.py", SHORT)  # a file of that name
        found = of_rule((await editor.pull(twin)).items, "lora/rank")
        assert found is not None and "(real.ipynb.py:3)" in found.message

    drive(work, tmp_path)


def test_a_settings_file_that_is_not_toml_has_a_diagnostic_of_its_own() -> None:
    positions = Positions(Documents())
    script, settings = of_settings("/p/nl2sql-review.toml: Unclosed array (at end of document)", "/p/t.py", positions)
    assert script[0] == "file:///p/t.py" and script[1].message.startswith("not reviewed: ")
    assert settings[0] == "file:///p/nl2sql-review.toml"
    assert settings[1].message == "Unclosed array (at end of document)"
    placed = of_settings("/p/pyproject.toml:3:5: unknown key", "/p/t.py", positions)[1]
    assert placed[1].range.start.line == 2 and placed[1].message == "unknown key"


def test_cells_are_pushed_to_a_client_that_pulls_until_it_pulls_cells(tmp_path: Path) -> None:
    """VS Code pulls the diagnostics of files, and not those of cells."""

    async def work(editor: Editor) -> None:
        _, cell = editor.open_notebook("train.ipynb", "import os\n", SHORT)
        await editor.pushed(cell, lambda found: of_rule(found, "lora/rank") is not None)
        report = await editor.pull(cell)
        assert of_rule(report.items, "lora/rank") is not None
        await editor.pushed(cell, lambda found: not found)

    drive(work, tmp_path, capabilities=PULLS)


def test_a_module_follows_the_unsaved_scripts_that_call_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    path, script = tmp_path / "lora.py", os.path.realpath(tmp_path / "train.py")
    path.write_text("from peft import LoraConfig\ndef adapter(rank):\n    return LoraConfig(r=rank)\n")
    calls = b"from lora import adapter\nadapter(%d)\n"
    Path(script).write_bytes(calls % 8)
    desk, review = Desk(), None
    ranks: list[Any] = []
    for stamp, draft in enumerate((calls % 8, b"", calls % 32)):
        document = Document(path.as_uri(), str(path), path.read_bytes(), stamp=stamp)
        review = desk.review(document, {script: draft}, review)
        assert review.examined is not None
        ranks += [getattr(one.lora.r.value, "value", None) for one in review.examined.plans]
    assert ranks == [8, None, 32]
