"""What is asked of a mutant: a command, its options and a format, drawn at random."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.mutants import Mutator, Project  # noqa: E402
from nl2sql_review.render import FORMATS  # noqa: E402

FIXES = (["--fix"], ["--fix", "--fix-policy"], ["--fix-policy"], ["--fix-policy", "--unsafe-fixes"])


@dataclass
class Case:
    """A mutant and what is asked of it."""

    number: int
    origin: str
    script: str
    files: dict[str, bytes]
    argv: list[str]
    stdin: bool = False
    format: str = ""
    proves: bool = False
    fixes: bool = False


def draw_case(seed: int, number: int, sources: list[Project]) -> Case:
    """Return the mutant of that number, and a command for it."""
    draw = Random(f"{seed}:{number}")
    source = draw.choice(sources)
    files = Mutator(draw, sources).project(source)
    made = Case(number, source.origin, source.script, files, [])
    draw.choices(
        [_review, _fix, _diff_of_fixes, _plan, _memory, _data, _two, _baseline, _folder, _shown],
        [30, 12, 10, 14, 10, 6, 8, 3, 5, 2],
    )[0](made, draw)
    if source.script.endswith((".yaml", ".yml", ".json")) and draw.random() < 0.3:
        made.argv += ["--flavour", draw.choice(["trl", "axolotl", "llamafactory", "unsloth", "unsloth-studio"])]
    if draw.random() < 0.6:
        made.argv.append("--isolated")
    return made


def _options(draw: Random) -> list[str]:
    said: list[str] = []
    for words, share in (
        (["--policy", "recommended"], 0.1), (["--policy", "general"], 0.1), (["--gpu", "T4"], 0.2),
        (["--processes", "8"], 0.1), (["--select", "lora,prompt,memory"], 0.1), (["--ignore", "arguments"], 0.05),
    ):  # fmt: skip
        said += words if draw.random() < share else []
    return said


def _review(made: Case, draw: Random) -> None:
    made.format = draw.choice(list(FORMATS))
    made.argv = ["--output-format", made.format, made.script, *_options(draw)]
    made.proves = FORMATS[made.format].carries_fixes
    for words, share in (
        (["--no-cache"], 0.8), (draw.choice([["-v"], ["-q"]]), 0.3), (["--show-suppressed"], 0.2),
        (["--color", "always"], 0.2), (["--ignore-suppressions"], 0.1), (["--min-certainty", "certain"], 0.05),
        (["--fail-on-unknown"], 0.1),
    ):  # fmt: skip
        made.argv += words if draw.random() < share else []
    if draw.random() < 0.1:
        made.argv.append("--show-fixes")
        made.proves = True
    if draw.random() < 0.1 and made.script.endswith((".py", ".ipynb")):
        made.argv[made.argv.index(made.script)] = "-"
        made.argv += ["--stdin-filename", made.script]
        made.stdin = True


def _fix(made: Case, draw: Random) -> None:
    made.argv = ["--no-cache", made.script, *draw.choice(FIXES), *_options(draw)]
    made.proves = made.fixes = True


def _diff_of_fixes(made: Case, draw: Random) -> None:
    made.argv = [
        "--no-cache",
        "--diff",
        made.script,
        *draw.choice([[], ["--fix-policy"], ["--fix-policy", "--unsafe-fixes"]]),
    ]
    made.proves = True


def _plan(made: Case, draw: Random) -> None:
    made.format = draw.choice(["text", "json"])
    made.argv = ["plan", made.script, "--output-format", made.format]


def _memory(made: Case, draw: Random) -> None:
    made.format = draw.choice(["text", "json"])
    made.argv = ["memory", made.script, "--output-format", made.format]
    for words in (["--gpu", "t4"], ["--seq", "9" * 12], ["--batch", "64"], ["--rank", "0"], ["--bits", "4"]):
        made.argv += words if draw.random() < 0.2 else []


def _data(made: Case, draw: Random) -> None:
    made.format = draw.choice(["text", "json", "sarif", "html"])
    made.argv = ["data", made.script, "-j", "1", "--output-format", made.format]
    if draw.random() < 0.7:
        made.files.setdefault("rows.jsonl", draw.choice(ROWS))
        made.argv += ["--file", "rows.jsonl"]


def _two(made: Case, draw: Random) -> None:
    made.format = draw.choice(["text", "json", "agent", "markdown", "html"])
    made.files["other.py"] = (
        b"from trl import SFTConfig, SFTTrainer\nSFTTrainer('m', args=SFTConfig(learning_rate=2e-4)).train()\n"
    )
    made.argv = ["diff", *draw.sample([made.script, "other.py"], 2), "--output-format", made.format]


def _baseline(made: Case, draw: Random) -> None:
    made.argv = ["baseline", "write", made.script]


def _folder(made: Case, draw: Random) -> None:
    made.format = draw.choice(list(FORMATS))
    made.proves = FORMATS[made.format].carries_fixes
    made.argv = ["--no-cache", "-j", "1", "--output-format", made.format, "."]


def _shown(made: Case, draw: Random) -> None:
    made.argv = [made.script, "--no-cache", "--add-ignores", "because"]


ROWS = (
    b'{"question": "How many?", "query": "SELECT count(*) FROM a", "schema": "CREATE TABLE a (id INT)"}\n' * 20,
    b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n' * 3 + b"{\n[]\nnull\n",
    b'{"text": "\xff\xfe", "sql": ' + b"[" * 3_000,
    b'{"query": "' + b"(" * 9_000 + b'"}\n',
    b'{"a": 1e999, "query": "\\ud800"}\n',
    b"\x00" * 99,
)
