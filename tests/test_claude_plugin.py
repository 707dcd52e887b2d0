"""The plugin for Claude Code: what its own client says of it, and what that client does not check.

The real program from npm is run with a home of its own and without an account; nothing of it reaches a model.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module, util
from pathlib import Path

import pytest
import yaml

from nl2sql_review import __version__
from nl2sql_review.commands import program
from nl2sql_review.policy import rulebook
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.facts import SECTIONS
from tests.claude import Claude
from tests.marked import EXPECT

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "integrations" / "claude-code"
AGENT = PLUGIN / "agents" / "training.md"
SKILLS = sorted((PLUGIN / "skills").iterdir())
PAGES = [AGENT, *sorted(PLUGIN.rglob("skills/*/*.md"))]
NAMES = ["data-processing", "nl2sql-training", "prompt-patterns"]


def load(path):
    return json.loads((PLUGIN / path).read_text(encoding="utf-8"))


def page(path):
    """(front matter, body) of an agent or a skill."""
    head, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", path.read_text(encoding="utf-8"), re.DOTALL).groups()
    return yaml.safe_load(head), body


# The real client


@pytest.fixture(scope="module")
def claude(tmp_path_factory):
    """Runs a command of a Claude Code in which the plugin is installed; returns its standard output."""
    client = Claude(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("project"))
    client.run("plugin", "marketplace", "add", str(ROOT))
    client.run("plugin", "install", "nl2sql-review@nl2sql-review")
    return client.run


@pytest.mark.parametrize("path", [PLUGIN, ROOT], ids=["plugin", "marketplace"])
def test_claude_code_finds_nothing_wrong_with_it(claude, path):
    said = claude("plugin", "validate", "--strict", str(path))
    assert "Validation passed" in said and "warning" not in said.lower()


def test_claude_code_takes_exactly_what_is_meant(claude):
    inventory = claude("plugin", "details", "nl2sql-review").partition("Projected")[0]
    found = re.findall(r"^  (\w[\w ]*) \((\d+)\) *(.*?)(?:  \(.*)?$", inventory, re.MULTILINE)
    assert found == [
        ("Skills", "3", ", ".join(NAMES)),
        ("Agents", "1", "training"),
        ("Hooks", "1", "PostToolUse"),
        ("MCP servers", "1", "nl2sql-review"),
        ("LSP servers", "1", "nl2sql-review"),
    ]
    (listed,) = json.loads(claude("plugin", "list", "--json"))
    assert (listed["id"], listed["version"], listed["enabled"]) == ("nl2sql-review@nl2sql-review", __version__, True)


def test_claude_code_talks_to_the_mcp_server(claude):
    assert "plugin:nl2sql-review:nl2sql-review: nl2sql-review mcp - ✔ Connected" in claude("mcp", "list")


# What it does not check


def test_the_manifests_agree_with_the_package():
    manifest = load(".claude-plugin/plugin.json")
    assert manifest["version"] == __version__ and manifest["license"] == "Apache-2.0"
    marketplace = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
    (entry,) = marketplace["plugins"]
    assert entry["name"] == manifest["name"] == marketplace["name"] == program.PROGRAM
    assert (ROOT / entry["source"]).resolve() == PLUGIN and "version" not in entry  # said once, in the manifest
    assert entry["description"] == manifest["description"]


def test_the_agent_s_front_matter():
    """The fields of https://code.claude.com/docs/en/sub-agents that a plugin may use, and that this one needs."""
    head, body = page(AGENT)
    assert list(head) == ["name", "description", "model", "tools", "skills"]
    assert head["name"] == AGENT.stem == "training" and head["model"] == "sonnet"
    assert head["description"].startswith("Reviews training configurations and scripts for NL2SQL")
    tools = head["tools"].split(", ")
    assert set(tools) <= {"Read", "Grep", "Glob", "Bash", "Edit"} and "Bash" in tools
    assert sorted(head["skills"]) == NAMES == [folder.name for folder in SKILLS]
    order = re.search(r"in this order: ([\w, ]+)\.", body)[1].split(", ")
    assert tuple(order) == tuple(SECTIONS)


@pytest.mark.parametrize("folder", SKILLS, ids=lambda p: p.name)
def test_a_skill_s_front_matter(folder):
    head, body = page(folder / "SKILL.md")
    assert list(head) == ["name", "description"] and head["name"] == folder.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", head["name"]) and 40 < len(head["description"]) <= 1024
    assert len(body) < 6_000, "a skill is loaded whole: details belong in files beside it"
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", body))
    assert linked == {path.name for path in folder.iterdir()} - {"SKILL.md"}


def test_hooks_and_server_are_commands_of_ours():
    hooks = load("hooks/hooks.json")
    assert set(hooks) == {"description", "hooks"} and list(hooks["hooks"]) == ["PostToolUse"]
    ((group),) = hooks["hooks"]["PostToolUse"]
    (hook,) = group["hooks"]
    assert group["matcher"].split("|") == ["Edit", "Write", "NotebookEdit"]
    assert set(hook) == {"type", "command", "timeout"} and hook["type"] == "command" and hook["timeout"] <= 60
    assert parses(hook["command"]) == "hook"
    ((name, server),) = load(".mcp.json")["mcpServers"].items()
    assert name == program.PROGRAM and set(server) == {"command", "args"}
    assert parses(shlex.join([server["command"], *server["args"]])) == "mcp"


def parses(command):
    """The name of the command, whose parser has understood every word."""
    called, *argv = shlex.split(command)
    assert called == program.PROGRAM
    named = argv[0] if argv and argv[0] in program.COMMANDS else "review"
    import_module(f"nl2sql_review.commands.{named}").parser().parse(argv[argv[:1] == [named] :])
    return named


def commands(text):
    """Every nl2sql-review command that a page mentions."""
    lines = [
        line.partition("  #")[0]
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [c.strip() for c in (*lines, *re.findall(r"`([^`\n]+)`", prose)) if c.startswith(f"{program.PROGRAM} ")]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_command_it_names_exists(path):
    found = commands(path.read_text(encoding="utf-8"))
    assert found
    known = rulebook.load().names()
    for command in found:
        parses(command)
        for rule in re.findall(r"(?:rule|--select) (\S+)", command):
            assert rule in known, command


def test_the_rules_in_the_skills_are_the_rules():
    spec = util.spec_from_file_location("skills", ROOT / "docs" / "skills.py")
    skills = util.module_from_spec(spec)
    spec.loader.exec_module(skills)
    for skill, text in skills.tables().items():
        written = (PLUGIN / "skills" / skill / "rules.md").read_text(encoding="utf-8")
        assert written == text, "the rules have changed: run python docs/skills.py"
    assert set(rulebook.load().rules) == set(
        re.findall(r"^\| `(\S+)`", "".join(skills.tables().values()), re.MULTILINE)
    )


# The code in the skills is judged as the code in the rules is

PRELUDE = """\
from unsloth import FastLanguageModel, is_bfloat16_supported
from datasets import concatenate_datasets, interleave_datasets, load_dataset
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainingArguments
from trl import SFTConfig, SFTTrainer
"""
FENCES = [
    pytest.param(path, label, code, id=f"{path.parent.name}-{path.stem}-{number}-{label}")
    for path in PAGES
    for number, (label, code) in enumerate(
        re.findall(r"^```python (good|bad)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
]
OF_SKILL = {
    "nl2sql-training": ("lora", "arguments", "memory", "checkpointing", "api"),
    "data-processing": ("dataset", "api"),
    "prompt-patterns": ("prompt", "api"),
}


@pytest.mark.parametrize(("path", "label", "code"), FENCES)
def test_code_in_a_skill_is_what_it_is_called(path, label, code):
    sections = ("api",) if path.stem == "libraries" else OF_SKILL[path.parent.name]
    text = code if re.search(r"^from (unsloth|trl) import", code, re.MULTILINE) else PRELUDE + code
    reviewer = Reviewer(isolated=True, overrides={"select": list(sections)})
    report, faults = reviewer.source(text.encode(), "train.py")
    assert report.status == "reviewed" and not faults, report.reason
    first = text.count("\n") - code.count("\n")
    found = {(f.location.row - first, f.rule): f.message for f in report.findings}
    marked = {row: mark for row, line in enumerate(code.splitlines(), 1) if (mark := EXPECT.search(line))}
    assert bool(marked) == (label == "bad")
    for row, mark in marked.items():
        messages = [m for (at, rule), m in found.items() if at == row and rule.startswith(mark["rule"])]
        assert messages and all((mark["part"] or "") in message for message in messages), (row, found)
    assert {row for row, _ in found} == set(marked), found
