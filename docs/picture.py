"""Draws `docs/review.svg`, the README's picture, from a real review of `docs/train.py`: `python docs/picture.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

DOCS = Path(__file__).resolve().parent
COLUMNS = 104


def main() -> None:
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "PYTHONPATH": str(DOCS.parent), "PYTHONUTF8": "1"}
    arguments = ["--select", "lora,prompt/eos,arguments", "train.py"]
    done = subprocess.run(
        [sys.executable, "-m", "nl2sql_review", "--isolated", "--color", "always", *arguments],
        cwd=DOCS, env=environment, stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    if done.returncode != 1:
        sys.exit(f"the review of docs/train.py should find something, but ended with {done.returncode}")
    console = Console(record=True, width=COLUMNS, file=StringIO(), highlight=False, force_terminal=True)
    console.print(Text(f"$ nl2sql-review {' '.join(arguments)}", "bold"))
    console.print(Text.from_ansi(done.stdout))
    target = sys.argv[1] if len(sys.argv) > 1 else str(DOCS / "review.svg")
    console.save_svg(target, title="nl2sql-review", theme=MONOKAI)


if __name__ == "__main__":
    main()
