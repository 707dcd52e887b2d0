"""Whole sessions of Claude Code with the plugin: what reaches the model from hook, agent, skills and server.

The client is the real one; the model is scripted (`tests/claude.py`) and only says which tools it uses.
"""

from __future__ import annotations

import json
import re

import pytest

from nl2sql_review import cli
from tests.claude import Claude, blocks, in_turn, results, texts
from tests.test_claude_plugin import AGENT, NAMES, ROOT, page

SCRIPT = """\
from unsloth import FastLanguageModel

RANK = 64
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=RANK)
"""
SETTINGS = 'select = ["lora"]\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home of a Claude Code in which the plugin is installed."""
    folder = tmp_path_factory.mktemp("home")
    client = Claude(folder, folder)
    client.run("plugin", "marketplace", "add", str(ROOT))
    client.run("plugin", "install", "nl2sql-review@nl2sql-review")
    return folder


@pytest.fixture
def project(tmp_path):
    (tmp_path / "nl2sql-review.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def told(request):
    """What hooks have said, one line a text: (tool, kind, the rules it names)."""
    found = []
    for text in texts(request):
        for tool, kind, said in re.findall(
            r"PostToolUse:(\w+) hook (blocking error|additional context)(.*)", text, re.DOTALL
        ):
            lines = said.splitlines()[1:]
            found.append(
                (tool, kind, [line.split()[2] for line in lines if line.startswith(("error", "warning", "advice"))])
            )
    return found


def test_the_hook_tells_the_model_what_its_edits_did(home, project):
    script, book = project / "train.py", project / "train.ipynb"
    cell = {"cell_type": "code", "id": "c0", "metadata": {}, "outputs": [], "execution_count": None, "source": SCRIPT}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": {"name": "python"}}, "cells": [cell]}
    book.write_text(json.dumps(document), encoding="utf-8")
    model = in_turn(
        ("Write", {"file_path": str(script), "content": SCRIPT}),
        ("Edit", {"file_path": str(script), "old_string": "\nRANK", "new_string": "\n# how wide\nRANK"}),
        ("Edit", {"file_path": str(script), "old_string": "RANK = 64", "new_string": "RANK = 32"}),
        ("Edit", {"file_path": str(script), "old_string": "RANK = 32", "new_string": "RANK = 16"}),
        ("Write", {"file_path": str(project / "setup.py"), "content": "print()\n"}),
        ("Read", {"file_path": str(book)}),
        ("NotebookEdit", {"notebook_path": str(book), "cell_id": "c0", "new_source": SCRIPT + "print(model)\n"}),
        ("NotebookEdit", {"notebook_path": str(book), "cell_id": "c0", "new_source": SCRIPT.replace("64", "8")}),
    )
    requests = Claude(home, project).session(model, "--permission-mode", "acceptEdits")
    assert not [block for block in blocks(requests[-1]) if block.get("is_error")]
    assert told(requests[-1]) == [
        ("Write", "blocking error", ["lora/rank"]),
        ("Edit", "blocking error", ["lora/rank"]),
        ("NotebookEdit", "blocking error", ["lora/rank"]),
    ]
    assert script.read_text(encoding="utf-8").count("RANK = 16") == 1


def test_the_agent_has_its_instructions_its_skills_and_the_tool(home, project):
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    title = "# Training reviewer for NL2SQL"
    start = {"description": "review", "prompt": "Review train.py", "subagent_type": "nl2sql-review:training"}
    review = ("Bash", {"command": "nl2sql-review --output-format agent --show-suppressed train.py"})

    def is_agent(request):
        return title in json.dumps(request["system"])

    def model(request):
        return (
            in_turn(review)(request)
            if is_agent(request)
            else in_turn(("Agent", {**start, "run_in_background": False}))(request)
        )

    requests = Claude(home, project).session(model, "--allowedTools", "Bash(nl2sql-review *)", "Agent")
    of_agent = [request for request in requests if is_agent(request)]
    instructions = page(AGENT)[1].strip()
    assert any(instructions in block["text"] for block in of_agent[0]["system"])
    for name in NAMES:
        heading = next(line for line in page(AGENT.parents[1] / "skills" / name / "SKILL.md")[1].splitlines() if line)
        assert any(heading in text for text in texts(of_agent[0])), name
    assert {tool["name"] for tool in of_agent[0]["tools"]} & {"Read", "Bash", "Write", "Agent"} == {"Read", "Bash"}
    (reviewed,) = results(of_agent[-1])
    assert "error (cost) lora/rank 5:49: r=64" in reviewed and "1 file reviewed: 1 error" in reviewed


def test_the_server_s_tools_and_instructions_reach_the_model(home, project):
    (project / "train.py").write_text(SCRIPT, encoding="utf-8")
    prefix = "mcp__plugin_nl2sql-review_nl2sql-review__"
    model = in_turn((f"{prefix}review_file", {"path": "train.py"}), (f"{prefix}review_file", {"path": "/etc/passwd"}))
    requests = Claude(home, project).session(model, "--allowedTools", f"{prefix}review_file")
    assert "its verdicts are facts" in json.dumps(requests[-1])
    reviewed, refused = results(requests[-1])
    (finding,) = json.loads(reviewed)["files"][0]["findings"]
    assert finding["rule"] == "lora/rank" and "outside-roots" in refused


def test_a_project_set_up_without_the_plugin_has_the_same(tmp_path, project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert cli.main(["init", "claude-code"]) == 0
    said = capsys.readouterr().out
    settings = json.loads(said[said.index("{") : said.rindex("}") + 1])
    (project / ".claude" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    model = in_turn(("Write", {"file_path": str(project / "train.py"), "content": SCRIPT}))
    requests = Claude(tmp_path / "home", project).session(model, "--permission-mode", "acceptEdits")
    assert told(requests[-1]) == [("Write", "blocking error", ["lora/rank"])]
    everything = json.dumps(requests[0])
    assert "- training: Reviews training configurations" in everything
    assert all(f"- {name}: " in everything for name in NAMES)
