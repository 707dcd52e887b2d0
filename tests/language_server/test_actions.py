"""Fixes that were proved, all repairs of a file, policy by itself, and comments that ignore."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lsprotocol import types

from .driver import Editor, drive
from .scripts import SHORT

LAZY = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
    ),
    text_document=types.TextDocumentClientCapabilities(
        code_action=types.CodeActionClientCapabilities(
            resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"])
        )
    ),
)
REMOVED = """\
from trl import SFTConfig, SFTTrainer

args = SFTConfig(output_dir="o", evaluation_strategy="no")
trainer = SFTTrainer("Qwen/Qwen2.5-Coder-0.5B", args=args, train_dataset=None)
trainer.train()
"""


def kinds(found: list[types.CodeAction]) -> list[str]:
    return [str(getattr(one.kind, "value", one.kind)) for one in found]


def test_a_policy_fix_is_proved_named_and_makes_the_finding_go_away(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", SHORT)
        found = [one for one in await editor.actions(uri, "r=R") if "lora/rank" in one.title]
        assert kinds(found) == ["quickfix.policy.nl2sql", "quickfix.ignore.nl2sql"]
        edit = found[0].edit
        assert edit is not None and edit.changes is not None
        assert found[0].diagnostics is not None and found[0].diagnostics[0].code == "lora/rank"
        after = editor.applied(edit, uri)
        assert "16" in after
        editor.type(uri, after)
        report = await editor.pull(uri)
        assert "lora/rank" not in [one.code for one in report.items]

    drive(work, tmp_path)


def test_a_client_that_resolves_gets_the_edit_when_it_asks_for_it(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", REMOVED)
        found = await editor.actions(uri, "evaluation_strategy", only=["quickfix"])
        repair = next(one for one in found if "api/removed-argument" in one.title and kinds([one]) == ["quickfix"])
        assert repair.edit is None and repair.is_preferred
        edit = (await editor.resolved(repair)).edit
        assert edit is not None and edit.document_changes
        assert 'eval_strategy="no"' in editor.applied(edit, uri)
        everything = await editor.actions(uri, "args", only=["source.fixAll"])
        assert kinds(everything) == ["source.fixAll.nl2sql"]
        edit = (await editor.resolved(everything[0])).edit
        assert edit is not None
        after = editor.applied(edit, uri)
        assert 'eval_strategy="no"' in after
        assert "learning_rate" not in after  # policy is not repaired unasked
        editor.replace(uri, "trainer.train()", "trainer.train( )")
        assert (await editor.resolved(everything[0])).edit is None  # it was for another text

    drive(work, tmp_path, capabilities=LAZY)


MODULE = """\
from unsloth import FastLanguageModel

R = 64


def load():
    model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B-bnb-4bit", load_in_4bit=True)
    return FastLanguageModel.get_peft_model(model, r=R, lora_alpha=16)


model = load()
"""
READER = """\
from module import R
from unsloth import FastLanguageModel

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=R)
"""


@pytest.mark.parametrize("saved", [READER, "x = 1\n"], ids=["saved", "not saved yet"])
@pytest.mark.parametrize("form", ["script", "notebook", "no import"])
def test_a_module_is_not_edited_where_an_open_script_or_notebook_would_be_worse(
    tmp_path: Path, form: str, saved: str
) -> None:
    async def work(editor: Editor) -> None:
        editor.write("module.py", MODULE)
        uri = editor.open("module.py", MODULE)
        if form == "notebook":
            cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": saved}]
            editor.write(
                "reader.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
            )
            editor.open_notebook("reader.ipynb", READER)
        elif form == "script":
            editor.write("reader.py", saved)
            editor.open("reader.py", READER)
        found = [one for one in await editor.actions(uri, "r=R") if "lora/rank" in one.title]
        fixes = [one for one in found if one.edit is not None and kinds([one]) == ["quickfix.policy.nl2sql"]]
        whole = [one for one in fixes if "R = 16" in editor.applied(one.edit, uri)]  # type: ignore[arg-type]
        assert [one.title for one in whole if "unsafe" not in one.title] == [] if form != "no import" else whole

    drive(work, tmp_path)


def test_ignoring_adds_a_comment_with_the_reason_that_silences_one_finding(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", SHORT)
        found = await editor.actions(uri, "r=R", only=["quickfix.ignore.nl2sql"])
        action = next(one for one in found if "lora/rank" in one.title)
        assert action.edit is not None
        after = editor.applied(action.edit, uri)
        assert "r=R, lora_alpha=R)  # nl2sql: ignore[lora/rank=64] measured on Spider" in after
        editor.type(uri, after)
        codes = [one.code for one in (await editor.pull(uri)).items]
        assert codes == ["lora/alpha"]

    drive(work, tmp_path, options={"ignoreReason": "measured on Spider"})


@pytest.mark.parametrize("separator", ["\x0c", "\u2028", "\x85", "\r"], ids=ascii)
def test_lines_are_counted_as_editors_count_them(tmp_path: Path, separator: str) -> None:
    """Of what str.splitlines takes for a line end only the last is one: an edit elsewhere would destroy the script."""
    script = SHORT.replace(
        "R = 64", f"# page{separator}\nNOTE = '😀{separator if separator != chr(13) else ''}'\nR = 64"
    )

    async def work(editor: Editor) -> None:
        uri = editor.open("train.py", script)
        (everything,) = await editor.actions(uri, "R = 64", only=["source.policy.nl2sql"])
        assert everything.edit is not None
        assert editor.applied(everything.edit, uri) == script.replace("R = 64", "R = 16")
        (ignore,) = [one for one in await editor.actions(uri, "r=R") if one.title.startswith("Ignore lora/rank")]
        assert ignore.edit is not None
        after = editor.applied(ignore.edit, uri)
        assert after.startswith(script.rstrip("\n")) and "# nl2sql: ignore[lora/rank=64]" in after[len(script) - 1 :]
        editor.replace(uri, "R = 64", "R = 16")  # as typed: by its place
        assert "lora/rank" not in [one.code for one in (await editor.pull(uri)).items]
        assert "`16`" in str(await editor.hover(uri, "r=R"))

    drive(work, tmp_path)


def test_a_script_that_names_its_encoding_is_read_as_the_editor_shows_it(tmp_path: Path) -> None:
    named = "# -*- coding: latin-1 -*-\n"
    script = named + SHORT.replace("R = 64", "LABEL = 'Gr\u00f6\u00dfe'; R = 64")

    async def work(editor: Editor) -> None:
        (editor.folder / "train.py").write_bytes(script.encode("latin-1"))
        uri = editor.open("train.py", script)
        found = next(one for one in (await editor.pull(uri)).items if one.code == "lora/rank")
        assert "LABEL = 'Gr\u00f6\u00dfe'; R = 64" in found.message
        (fix,) = [one for one in await editor.actions(uri, "r=R") if one.title.startswith("Set r=16")]
        assert fix.edit is not None and editor.applied(fix.edit, uri) == script.replace("64", "16")
        (everything,) = await editor.actions(uri, "R = 64", only=["source.policy.nl2sql"])
        assert everything.edit is not None and editor.applied(everything.edit, uri) == script.replace("64", "16")
        (editor.folder / "conf.py").write_bytes(f"{named}# Gr\u00f6\u00dfe\nRANK = 64\n".encode("latin-1"))
        uri = editor.open("imports.py", SHORT.replace("R = 64", "from conf import RANK as R"))
        (everything,) = await editor.actions(uri, "r=R", only=["source.policy.nl2sql"])
        assert everything.edit is not None and everything.edit.changes is not None
        (edit,) = everything.edit.changes[editor.uri("conf.py")]
        assert (edit.range.start.line, edit.new_text) == (2, "RANK = 16\n")

    drive(work, tmp_path)
