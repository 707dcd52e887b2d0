"""`nl2sql-review init`: sets up a project, with files that are also used by the tests of this tool."""

from __future__ import annotations

import json
import os

from ..files import disk, resources
from ..report.exit_codes import NOTHING
from .console import save_all, write
from .parser import Parser
from .program import PROGRAM, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

WHAT = {
    "claude-code": "the training agent and its skills for Claude Code; prints the hook to add to its settings",
    "pre-commit": "a pre-commit configuration that reviews what is committed and changes nothing",
    "github": "a GitHub Actions workflow that reviews every pull request",
    "trainer": "the reference trainer, as a starting point for a script",
}
TRAINER = (
    "train_unsloth_complete.py",
    "evaluate_sql.py",
    "generate_sql.py",
    "requirements.txt",
    "requirements-unsloth.txt",
)
# Path in the project → path in examples/.
COPIES: dict[str, dict[str, tuple[str, ...]]] = {
    "pre-commit": {".pre-commit-config.yaml": ("ci", "pre-commit-config.yaml")},
    "github": {".github/workflows/nl2sql-review.yml": ("ci", "github-workflow.yml")},
    "trainer": {f"src/nl2sql/train/{name}": (name,) for name in TRAINER},
}
NEXT = {
    "pre-commit": "Next: put the address of your copy of nl2sql-review after `repo:`, then run pre-commit install.",
    "github": (
        "Next: put your copy of nl2sql-review, and the commit of its release, after `uses: OWNER/nl2sql-review@`."
    ),
    "trainer": f"Next: change its numbers and datasets, and review it: {PROGRAM} src/nl2sql/train",
}


def parser() -> Parser:
    listed = "\n".join(f"  {name:<12} {text}" for name, text in WHAT.items())
    parser = Parser("init", description="Sets up a project.", epilog=f"targets:\n{listed}\n")
    parser.add_argument("what", choices=tuple(WHAT), help="see below")
    parser.add_argument("--directory", metavar="DIR", default=".", help="the project (default: here)")
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    parser.add_argument("--print", action="store_true", help="print the files instead of writing them")
    return parser


def run(args: Namespace) -> int:
    if not os.path.isdir(args.directory):
        raise UsageError(f"{args.directory} is not a directory; it must already exist")
    files = _files(args.what)
    if args.print:
        write("\n".join(f"==> {path} <==\n{text}" for path, text in files.items()) + _next(args.what))
        return NOTHING
    texts = {os.path.join(args.directory, *path.split("/")): text for path, text in files.items()}
    new = {path: text for path, text in texts.items() if not _holds(path, text)}
    links = [path for path in new if os.path.islink(path)]
    if links:
        raise UsageError(
            f"{', '.join(map(os.path.normpath, links))} would be written through a symbolic link, possibly outside "
            f"the project, so nothing was written; remove the link first"
        )
    there = [path for path in new if os.path.exists(path)]
    if there and not args.force:
        raise UsageError(
            f"{', '.join(map(os.path.normpath, there))} would be overwritten, so nothing was written; "
            "--force overwrites, --print shows what would be written"
        )
    try:
        for path in new:
            os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be created: {error.strerror}; nothing was written") from None
    save_all(new)
    write("".join(f"{'wrote' if path in new else 'unchanged'} {os.path.normpath(path)}\n" for path in texts))
    write(_next(args.what))
    return NOTHING


def _files(what: str) -> dict[str, str]:
    """Return the files to write: path in the project, with forward slashes → text."""
    if what in COPIES:
        return {path: _read("examples", *parts) for path, parts in COPIES[what].items()}
    skills = os.path.join(resources.find("integrations"), "claude-code", "skills")
    pages: list[tuple[str, ...]] = [("agents", "training.md")]
    pages += [
        ("skills", skill, name)
        for skill in sorted(os.listdir(skills))
        for name in sorted(os.listdir(os.path.join(skills, skill)))
    ]
    return {"/".join((".claude", *parts)): _read("integrations", "claude-code", *parts) for parts in pages}


def _read(room: str, *parts: str) -> str:
    with open(os.path.join(resources.find(room), *parts), encoding="utf-8") as file:
        return file.read()


def _holds(path: str, text: str) -> bool:
    try:
        return disk.whole(path, len(text.encode())).decode() == text
    except (OSError, UnicodeDecodeError):
        return False


def _next(what: str) -> str:
    if what in NEXT:
        return f"\n{NEXT[what]}\n"
    hooks = json.loads(_read("integrations", "claude-code", "hooks", "hooks.json"))["hooks"]
    return (
        "\nFor a review after every edit, add this to .claude/settings.json:\n\n"
        f"{json.dumps({'hooks': hooks}, indent=2)}\n\n"
        "Commit .claude/, and Claude Code has the training agent in this project.\n"
    )
