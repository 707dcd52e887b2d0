"""Events as Claude Code sends them after a tool has changed a file, made by really changing the file.

Their fields are those of sdk-tools.d.ts in @anthropic-ai/claude-code 2.1 (FileEditOutput, FileWriteOutput,
NotebookEditOutput) and of https://code.claude.com/docs/en/hooks.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any


def event(tool: str, given: dict[str, Any], response: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "session_id": "abc123",
            "transcript_path": "/home/user/.claude/projects/p/00893aaf.jsonl",
            "cwd": "/repo",
            "permission_mode": "default",
            "hook_event_name": "PostToolUse",
            "tool_name": tool,
            "tool_input": given,
            "tool_response": response,
            "tool_use_id": "toolu_01ABC123",
            "duration_ms": 12,
        }
    ).encode()


def patch(before: str, after: str, context: int = 3) -> list[dict[str, Any]]:
    """The hunks that lead from one text to the other."""
    old, new = before.split("\n"), after.split("\n")
    hunks = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines: list[str] = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[a:b]]
            else:
                lines += [*(f"-{line}" for line in old[a:b]), *(f"+{line}" for line in new[c:d])]
        first, last = group[0], group[-1]
        hunks.append(
            {
                "oldStart": first[1] + 1, "oldLines": last[2] - first[1],
                "newStart": first[3] + 1, "newLines": last[4] - first[3], "lines": lines,
            }
        )  # fmt: skip
    return hunks


def edit(path: Path, old: str, new: str, *, original: bool = True, hunks: list[dict[str, Any]] | None = None) -> bytes:
    """The Edit tool replaces `old` by `new`; without `original` the answer holds the patch only."""
    before = path.read_bytes().decode()
    assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times in {path}"
    after = before.replace(old, new)
    path.write_bytes(after.encode())
    response = {
        "filePath": str(path), "oldString": old, "newString": new, "originalFile": before if original else None,
        "structuredPatch": patch(before, after) if hunks is None else hunks, "userModified": False, "replaceAll": False,
    }  # fmt: skip
    return event("Edit", {"file_path": str(path), "old_string": old, "new_string": new, "replace_all": False}, response)


def write(path: Path, content: str) -> bytes:
    """The Write tool makes a file, or replaces all of it."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(content, encoding="utf-8")
    response = {
        "type": "create" if before is None else "update", "filePath": str(path), "content": content,
        "structuredPatch": [] if before is None else patch(before, content), "originalFile": before,
    }  # fmt: skip
    return event("Write", {"file_path": str(path), "content": content}, response)


def edit_cell(path: Path, number: int, source: str, mode: str = "replace") -> bytes:
    """The NotebookEdit tool replaces a cell, inserts one before it, or deletes it; cells count from 0."""
    before = path.read_text(encoding="utf-8")
    notebook = json.loads(before)
    cells = notebook["cells"]
    if mode == "delete":
        del cells[number]
    elif mode == "insert":
        cells.insert(number, {"cell_type": "code", "source": source, "metadata": {}, "id": "new"})
    else:
        cells[number]["source"] = source
    after = json.dumps(notebook, indent=1)
    path.write_text(after, encoding="utf-8")
    given = {"notebook_path": str(path), "cell_id": f"c{number}", "new_source": source, "edit_mode": mode}
    response = {
        "new_source": source, "cell_id": f"c{number}", "cell_type": "code", "language": "python", "edit_mode": mode,
        "notebook_path": str(path), "original_file": before, "updated_file": after,
    }  # fmt: skip
    return event("NotebookEdit", given, response)
