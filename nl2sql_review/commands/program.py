"""Name and commands of the program, and the error for using it wrongly."""

from __future__ import annotations

PROGRAM = "nl2sql-review"
COMMANDS = {
    "review": "review scripts (the default when no command is named)",
    "plan": "show what a script really trains with",
    "diff": "show what changed between two runs, and whether a checkpoint matches a script",
    "memory": "estimate how much GPU memory a script needs, and what fits",
    "data": "check the rows of a script's data files, as the script will use them",
    "evaluate": "score predicted SQL against databases or schemas",
    "baseline": "accept the current findings, so that only new ones count",
    "rule": "list the rules, or explain one",
    "policy": "print a policy, rule by rule",
    "init": "set up a project: Claude Code, pre-commit, GitHub Actions, the reference trainer",
    "hook": "answer a coding agent's event after it edited a file",
    "mcp": "serve reviews to a language model (Model Context Protocol)",
    "server": "serve findings, values and fixes to an editor (Language Server Protocol)",
    "cache": "remove cached reviews",
    "completion": "print a shell's completion script",
    "schema": "print the JSON Schema of a report, a plan or the settings",
}


class UsageError(Exception):
    """Error for a command line or settings that cannot be followed; the text names the remedy."""
