"""The MCP server, driven by the SDK's own client (in-process and over stdio) and by the official inspector."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import jsonschema  # comes with mcp
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp.types import ListRootsResult, Root

from nl2sql_review import cli
from nl2sql_review.commands import schemas
from nl2sql_review.run import fix
from nl2sql_review.run.reviewer import without_plan
from nl2sql_review.serve import mcp, roots, tools
from tests import node

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
from unsloth import FastLanguageModel

from sizes import RANK

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=RANK)
"""
TOOLS = "review_file review_source plan propose_fixes check_data evaluate explain_rule list_rules".split()


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "sizes.py").write_text("RANK = 64\n", encoding="utf-8")
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def session(work, roots=None, mode="auto", server=None):
    """What `work(client)` returns. `roots` are directories that the client tells; None: it has none to tell."""

    async def listed(_):
        return ListRootsResult(roots=[Root(uri=Path(path).as_uri()) for path in roots])

    async def run():
        async with Client(
            server or mcp.server(), list_roots_callback=None if roots is None else listed, mode=mode
        ) as client:
            return await work(client)

    return asyncio.run(run())


def call(tool, given, **options):
    return session(lambda client: client.call_tool(tool, given), **options)


def rules(result):
    assert not result.is_error, result.content
    return [finding["rule"] for file in result.structured_content["files"] for finding in file["findings"]]


def code(result):
    """Of an error result."""
    assert result.is_error and result.structured_content is None
    (content,) = result.content
    error = json.loads(content.text)["error"]
    assert list(error) == ["code", "message"] and error["message"]
    return error["code"]


# What it offers


def test_tools_only_read_and_say_what_they_return():
    tools = session(lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        hints = tool.annotations
        assert (hints.read_only_hint, hints.destructive_hint) == (True, False), tool.name
        assert (hints.idempotent_hint, hints.open_world_hint) == (True, False), tool.name
        assert tool.title and tool.description and "roots" not in tool.input_schema["properties"]
        assert all(given["description"] for given in tool.input_schema["properties"].values()), tool.name
    schema = {tool.name: tool.output_schema for tool in tools}
    assert schema["review_file"]["properties"] == schemas.SCHEMAS["report"]()["properties"]
    assert schema["plan"]["properties"] == schemas.SCHEMAS["plan"]()["properties"]


def test_every_result_keeps_to_its_schema_and_is_the_same_twice(project):
    given = {
        "review_file": {"path": "train.py"}, "review_source": {"source": SCRIPT}, "plan": {"path": "train.py"},
        "propose_fixes": {"path": "train.py"}, "evaluate": {"predictions": "rows.json", "gold": "rows.json"},
        "explain_rule": {"rule": "lora/rank"}, "list_rules": {}, "check_data": {"path": "train.py"},
    }  # fmt: skip

    row = {"query": "SELECT name FROM singer", "schema": "CREATE TABLE singer (name TEXT)"}
    (project / "rows.json").write_text(json.dumps([row]), encoding="utf-8")

    async def work(client):
        for tool in (await client.list_tools()).tools:
            first, second = [await client.call_tool(tool.name, given[tool.name]) for _ in range(2)]
            jsonschema.validate(first.structured_content, tool.output_schema)
            assert first == second and first.content[0].text

    session(work)


# Evaluation


def test_evaluate(project):
    (project / "db").mkdir()
    connection = sqlite3.connect(project / "db" / "music.sqlite")
    connection.execute("CREATE TABLE singer (name TEXT)")
    connection.close()
    gold = [{"query": "SELECT name FROM singer"}] * 2
    (project / "gold.json").write_text(json.dumps(gold), encoding="utf-8")
    (project / "said.txt").write_text("SELECT name FROM singer\nDROP TABLE singer\n", encoding="utf-8")
    given = {"predictions": "said.txt", "gold": "gold.json", "databases": "db/music.sqlite"}
    result = call("evaluate", given)
    assert not result.is_error and result.structured_content["execution_accuracy"] == 0.5
    assert "DROP is not a query" in result.content[0].text
    assert code(call("evaluate", {**given, "gold": "none.json"})) == "not-found"
    assert code(call("evaluate", {**given, "databases": "../db"})) == "outside-roots"
    assert code(call("evaluate", {**given, "databases": None})) == "input"
    (project / "db" / "linked").symlink_to("/etc/passwd")
    assert code(call("evaluate", {**given, "databases": "db/linked"})) == "outside-roots"


def test_check_data(project):
    script = "from datasets import load_dataset\nfrom trl import SFTTrainer\n\n\ndef to_text(row):\n"
    script += (
        "    return {'text': f\"{row['schema']}\\n\\nQuestion: {row['question']}\\n\\n### SQL:\\n{row['sql']}\"}\n\n\n"
    )
    script += "train = load_dataset('json', data_files='rows.jsonl', split='train').map(to_text)\n"
    script += "trainer = SFTTrainer(model='codellama/CodeLlama-7b-hf', train_dataset=train)\n"
    (project / "fed.py").write_text(script, encoding="utf-8")
    row = {"question": "Who?", "schema": "CREATE TABLE singer (name TEXT)", "sql": "SELECT height FROM singer"}
    (project / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    result = call("check_data", {"path": "fed.py"})
    (file,) = result.structured_content["files"]
    assert [f["rule"] for f in file["findings"]] == ["rows/sql"] and "no such column: height" in result.content[0].text
    (project / "rows.jsonl").unlink()
    (project / "rows.jsonl").symlink_to("/etc/passwd")
    (file,) = call("check_data", {"path": "fed.py"}).structured_content["files"]
    assert file["status"] == "skipped" and "not checked" in file["reason"]
    assert code(call("check_data", {"path": "fed.py", "held_out": ["../x.jsonl"]})) == "outside-roots"


# Reviews


def test_review_file(project):
    result = call("review_file", {"path": "train.py", "select": ["lora"]})
    assert rules(result) == ["lora/rank"]
    assert "error (cost) lora/rank 6:49: r=64" in result.content[0].text
    assert rules(call("review_file", {"path": "train.py", "ignore": ["lora/rank"], "select": ["lora"]})) == []


def test_review_source_sees_the_project(project):
    assert rules(call("review_source", {"source": SCRIPT, "select": ["lora"]})) == ["lora/rank"]
    result = call("review_source", {"source": SCRIPT, "filename": "elsewhere/train.py", "select": ["lora"]})
    assert result.structured_content["files"][0]["path"] == "elsewhere/train.py"
    result = call("review_source", {"source": "def (", "filename": "x.py"})
    assert rules(result) == ["file/syntax"]
    book = json.dumps({"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": SCRIPT}]})
    result = call("review_source", {"source": book, "filename": "x.ipynb", "select": ["lora"]})
    assert result.structured_content["files"][0]["findings"][0]["location"]["cell"] == 1


def test_other_files_are_skipped_with_a_reason(project):
    result = call("review_file", {"path": "sizes.py"})
    assert result.structured_content["summary"]["skipped"] == 1 and "nothing was reviewed" in result.content[0].text


def test_plan(project):
    result = call("plan", {"path": "train.py"})
    assert result.structured_content["plan"]["lora"]["r"]["value"] == 64 and "sizes.py" in result.content[0].text
    assert result.structured_content["calls"] == []
    recorded = call("plan", {"path": "train.py", "calls": True}).structured_content["calls"]
    assert [each["callee"].rpartition(".")[2] for each in recorded] == ["from_pretrained", "get_peft_model"]
    assert call("plan", {"path": "sizes.py"}).content[0].text == without_plan("sizes.py")
    (project / "sft.yaml").write_text(
        "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_r: 64\n", encoding="utf-8"
    )
    assert call("plan", {"path": "sft.yaml"}).structured_content["plan"]["lora"]["r"]["value"] == 64
    (project / "compose.yaml").write_text("services: {}\n", encoding="utf-8")
    assert code(call("plan", {"path": "compose.yaml"})) == "not-a-configuration"
    (project / "train.py").write_text("import unsloth\ndef (", encoding="utf-8")
    assert code(call("plan", {"path": "train.py"})) == "file/syntax"


def test_fixes_are_proposed_as_a_diff_and_nothing_is_written(project):
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    result = call("propose_fixes", {"path": "train.py", "select": ["lora/rank"]})
    proposal = result.structured_content
    assert result.content[0].text == proposal["diff"]
    assert [(f["rule"], f["applicability"]) for f in proposal["fixes"]] == [("lora/rank", "safe")]
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before
    assert proposal["diff"] == "--- sizes.py\n+++ sizes.py\n@@ -1 +1 @@\n-RANK = 64\n+RANK = 16\n"
    (project / "sizes.py").write_text("RANK = 16\n", encoding="utf-8")
    result = call("propose_fixes", {"path": "train.py", "select": ["lora/rank"]})
    assert result.structured_content == {"diff": "", "fixes": [], "unsafe_left": 0}
    assert "there is no fix to propose" in result.content[0].text
    assert code(call("propose_fixes", {"path": "../train.py"})) == "outside-roots"


def test_unsafe_fixes_are_counted_and_made_when_asked_for(project, monkeypatch):
    monkeypatch.setattr(
        tools.fix, "fix", lambda _, report, unsafe, policy: fix.Fixed(report, unsafe=0 if unsafe else 2)
    )
    directories = [os.path.realpath(project)]
    answer = tools.answer("propose_fixes", {"path": "train.py"}, directories)
    assert answer["structured"]["unsafe_left"] == 2 and "unsafe=true" in answer["text"]
    answer = tools.answer("propose_fixes", {"path": "train.py", "unsafe": True}, directories)
    assert answer["structured"]["unsafe_left"] == 0 and "unsafe" not in answer["text"]


def test_rules(project):
    (project / "nl2sql-review.toml").write_text('"lora/rank" = { equals = 32 }', encoding="utf-8")
    result = call("explain_rule", {"rule": "lora/rank"})
    assert result.structured_content["title"] == "LoRA rank is not 32" and "When to ignore it" in result.content[0].text
    listed = call("list_rules", {"section": "lora"}).structured_content["rules"]
    assert {"rule": "lora/rank", "severity": "error", "title": "LoRA rank is not 32"} in listed
    assert {rule["rule"].partition("/")[0] for rule in listed} == {"lora"}
    assert len(call("list_rules", {}).structured_content["rules"]) > 30


def test_a_rule_is_a_resource():
    async def work(client):
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "rule://{+id}"
        (page,) = (await client.read_resource("rule://lora/rank")).contents
        assert page.mime_type == "text/markdown" and page.text.startswith("# LoRA rank is not 16\n")
        with pytest.raises(MCPError, match="lora/rank"):
            await client.read_resource("rule://lora/rnk")
        with pytest.raises(MCPError):
            await client.read_resource("rule://../secret")

    session(work)


# Where it looks


@pytest.mark.parametrize("mode", ["auto", "legacy"])  # how roots are asked for changed with the protocol of 2026
def test_paths_are_confined_to_the_client_s_roots(project, mode):
    outside = str(project.parent / "train.py")
    for path in (outside, "../train.py", "/etc/passwd", "nowhere/../../train.py", str(project)):
        assert code(call("review_file", {"path": path, "select": ["lora"]}, mode=mode)) == "outside-roots", path
    (project / "link.py").symlink_to(outside)
    assert code(call("review_file", {"path": "link.py"}, mode=mode)) == "outside-roots"
    assert code(call("plan", {"path": "link.py"}, mode=mode)) == "outside-roots"
    assert code(call("review_source", {"source": SCRIPT, "filename": "../x.py"}, mode=mode)) == "outside-roots"
    assert rules(call("review_file", {"path": "train.py", "select": ["lora"]}, roots=[project], mode=mode)) == [
        "lora/rank"
    ]
    options = {"roots": [project.parent], "mode": mode}
    assert not call("review_file", {"path": outside}, **options).is_error
    assert not call("review_file", {"path": "train.py"}, **options).is_error  # from the first root
    other = project.parent / "other"
    other.mkdir()
    assert code(call("review_file", {"path": str(project / "train.py")}, roots=[other], mode=mode)) == "outside-roots"
    asked = {"path": str(project / "train.py"), "select": ["lora"]}
    assert rules(call("review_file", asked, roots=[other, project], mode=mode)) == ["lora/rank"]
    assert rules(call("review_file", {"path": "train.py", "select": ["lora"]}, roots=[], mode=mode)) == ["lora/rank"]


def test_nothing_beside_a_script_is_read_outside_the_roots(project):
    """The root of the script's project may lie above them: its modules and settings are not followed there."""
    (project.parent / ".git").mkdir()
    (project / "sizes.py").unlink()
    (project.parent / "sizes.py").write_text("RANK = 64\n", encoding="utf-8")
    assert rules(call("review_file", {"path": "project/train.py", "select": ["lora"]}, roots=[project.parent])) == [
        "lora/rank"
    ]
    result = call("review_file", {"path": "train.py", "select": ["lora"]}, roots=[project])
    assert rules(result) == [] and "unknown lora/rank" in result.content[0].text


def test_roots_are_uris_of_files(tmp_path):
    odd = tmp_path / "a b%é"
    odd.mkdir()
    assert roots.Roots([odd.as_uri()]).file("x.py") == os.path.join(os.path.realpath(odd), "x.py")
    with pytest.raises(roots.Outside, match="none of the client's roots"):
        roots.Roots(["https://example.org/x"]).file("x.py")
    with pytest.raises(roots.Outside):
        roots.Roots([odd.as_uri()]).file("x\0.py")
    assert roots.Roots(["file:///"]).file("/x.py") == "/x.py"


# Errors


@pytest.mark.parametrize(
    ("tool", "given", "expected", "words"),
    [
        ("review_file", {"path": "nowhere.py"}, "not-found", "nowhere.py"),
        ("review_file", {"path": "folder"}, "not-a-file", "one script"),
        ("review_file", {"path": "train.py", "select": ["lora/rnk"]}, "settings", "lora/rank"),
        ("review_file", {"path": "train.py", "gpu": "T5"}, "settings", "T5"),
        ("review_file", {"path": "train.py", "processes": 0}, "settings", "at least 1"),
        ("explain_rule", {"rule": "lora/rnk"}, "unknown-rule", "lora/rank"),
        ("list_rules", {"section": "laura"}, "unknown-section", "lora"),
    ],
)
def test_errors_have_a_code_and_name_the_remedy(project, tool, given, expected, words):
    (project / "folder").mkdir()
    result = call(tool, given)
    assert code(result) == expected and words in result.content[0].text


def test_a_fault_of_ours_is_told_as_one(project, monkeypatch):
    monkeypatch.setattr(tools.agent, "render", lambda *_: 1 / 0)
    answer = tools.answer("review_file", {"path": "train.py"}, [os.path.realpath(project)])
    assert answer["code"] == "internal-error" and "division by zero" in answer["message"]


def test_a_large_file_is_not_read(project):
    (project / "train.py").write_text("import unsloth\n" + "x = 1\n" * 1_000_000, encoding="utf-8")
    assert rules(call("review_file", {"path": "train.py"})) == ["file/unreadable"]
    assert code(call("plan", {"path": "train.py"})) == "file/unreadable"
    assert rules(call("review_source", {"source": "import unsloth\n" + "x = 1\n" * 1_000_000})) == ["file/unreadable"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("review_file", {"path": "train.py", "selct": ["lora"]}, 'takes no argument selct; did you mean "select"?'),
        ("check_data", {"path": "train.py", "dev": ["x"]}, "it takes path, held_out, "),
        ("review_file", {}, "review_file: path is missing"),
        ("evaluate", {"predictions": "p", "gold": "g", "rows": "bag"}, "rows: must be 'multiset' or 'set', not 'bag'"),
        ("evaluate", {"predictions": "p", "gold": "g", "timeout": 0}, "timeout: must be greater than"),
        ("reviewfile", {"path": "train.py"}, 'did you mean "review_file"?'),
    ],
)
def test_arguments_that_no_tool_takes_are_named(project, tool, arguments, said):
    result = session(lambda client: client.call_tool(tool, arguments))
    assert result.is_error
    assert said in json.loads(result.content[0].text)["error"]["message"]


def test_messages_speak_of_arguments_and_not_of_options(project):
    (project / "gold.txt").write_text("SELECT 1\tworld\n", encoding="utf-8")
    (project / "rows.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1"}\n', encoding="utf-8")
    (project / "train.py").write_text(
        """\
from datasets import load_dataset
from trl import SFTTrainer
rows = load_dataset("json", data_files="rows.jsonl", split="train")
SFTTrainer("m", train_dataset=rows, formatting_func=lambda row: f"{row['question']} {row['sql']}").train()
""",
        encoding="utf-8",
    )

    async def work(client):
        scored = {"predictions": "gold.txt", "gold": "gold.txt"}
        calls = [
            ("evaluate", scored),
            ("evaluate", {**scored, "databases": "none"}),
            ("evaluate", {**scored, "databases": "."}),
            ("review_file", {"path": "train.py", "select": ["bogus"]}),
            ("check_data", {"path": "train.py"}),
        ]
        return [(await client.call_tool(*call)).content[0].text for call in calls]

    *errors, checked = session(work)
    assert all("error" in json.loads(text) for text in errors)
    assert "`databases`" in errors[0] and "give one with `schemas`" in checked
    assert not any("--" in text or "command line" in text for text in (*errors, checked))


def test_bad_settings_and_bad_arguments(project):
    assert call("review_file", {}).is_error and call("review_file", {"path": 3}).is_error
    (project / "nl2sql-review.toml").write_text("selct = 1", encoding="utf-8")
    for tool, given in (("review_file", {"path": "train.py"}), ("list_rules", {}), ("plan", {"path": "train.py"})):
        assert code(call(tool, given)) == "settings"


def test_calls_at_once_do_not_disturb_each_other(project):
    deep = "x = " + "(" * 3000 + "1" + ")" * 3000 + "\n" + SCRIPT

    async def work(client):
        many = [client.call_tool("review_source", {"source": deep, "select": ["lora"]}) for _ in range(4)]
        return await asyncio.gather(*many)

    limit = sys.getrecursionlimit()
    results = session(work)
    assert [r.structured_content for r in results] == [results[0].structured_content] * 4
    assert sys.getrecursionlimit() == limit


# Over standard input and output


def over_stdio(project):
    return StdioServerParameters(command=str(node.tool()), args=["mcp"], cwd=str(project))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_stdio(project, mode):
    async def work(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        return (
            client.server_info.version,
            tools,
            await client.call_tool("review_file", {"path": "train.py", "select": ["lora"]}),
        )

    version, tools, result = session(work, mode=mode, roots=[project], server=over_stdio(project))
    assert tools == TOOLS and rules(result) == ["lora/rank"]
    from nl2sql_review import __version__

    assert version == __version__


def test_nothing_but_the_protocol_on_standard_output(project):
    """Whatever it is sent: garbage, a tool that is not there, a script that crashes a rule."""
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}},
    }  # fmt: skip
    asked = [
        hello, {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "nothing", "arguments": {}}},
        {
            "jsonrpc": "2.0", "id": 3, "method": "tools/call",
            "params": {"name": "review_file", "arguments": {"path": "train.py"}},
        },
    ]  # fmt: skip
    process = subprocess.Popen([node.tool(), "mcp"], cwd=project, stdin=-1, stdout=-1, stderr=-1, encoding="utf-8")
    process.stdin.write("garbage\n" + "".join(json.dumps(message) + "\n" for message in asked))
    process.stdin.flush()
    answers = []
    while {1, 2, 3} - {message.get("id") for message in answers}:
        answers.append(json.loads(process.stdout.readline()))
    rest, _ = process.communicate(timeout=30)
    assert rest == "" and process.returncode == 0
    assert all(message["jsonrpc"] == "2.0" for message in answers)


def test_the_official_inspector(project):
    inspector = node.installed(node.INSPECTOR) / ".bin" / "mcp-inspector"

    def ask(*arguments):
        command = [inspector, "--cli", node.tool(), "mcp", *arguments]
        done = subprocess.run(command, capture_output=True, cwd=project, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    listed = {tool["name"]: tool for tool in ask("--method", "tools/list")["tools"]}
    assert list(listed) == TOOLS
    assert all(t["annotations"]["readOnlyHint"] and t["outputSchema"]["type"] == "object" for t in listed.values())
    result = ask("--method", "tools/call", "--tool-name", "review_file", "--tool-arg", "path=train.py")
    assert "lora/rank" in {f["rule"] for f in result["structuredContent"]["files"][0]["findings"]}


def test_without_the_mcp_package_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    assert cli.main(["mcp"]) == 2
    assert "pip install 'mcp>=2.3,<3'" in capsys.readouterr().err
