"""What coding agents cost: the hook's time, and the size of a review. `python benchmarks/agents.py`.

Times are ratios of processor time to `python -c pass`, run in turn. Tokens are counted by @anthropic-ai/tokenizer,
which npm installs below the user's cache; today's models have other tokenizers, so take them as ratios too.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from run import PYTHON, ROOT, alternately

sys.path.insert(0, str(ROOT))

from tests import node  # noqa: E402

LIMIT = 10.0  # × `python -c pass`, when the file is not a training script
COUNT = (
    "const {countTokens} = require('@anthropic-ai/tokenizer'); console.log(countTokens(require('fs').readFileSync(0, "
    "'utf8')))"
)
SCRIPTS = (
    "docs/train.py",
    "fixtures/checklist/lora.py",
    "fixtures/checklist/dataset_weights.py",
    "examples/train_unsloth_complete.py",
)


def main() -> int:
    missed = 0
    print(f"{'the hook, after an edit of':38} {'seconds':>8} {'ratio':>7} {'of CPU':>7}  limit")
    with tempfile.TemporaryDirectory() as folder:
        for what, path, limit in (
            ("a text file", ROOT / "README.md", LIMIT),
            ("Python that names no library of ours", ROOT / "nl2sql_review" / "cli.py", LIMIT),
            ("Python that asks a trained model", ROOT / "examples" / "generate_sql.py", None),
            ("a training script", ROOT / "docs" / "train.py", None),
        ):
            event = Path(folder, "event.json")
            event.write_text(json.dumps({"tool_input": {"file_path": str(path)}, "tool_response": {"type": "create"}}))
            hook = f"exec {shlex.quote(PYTHON)} -m nl2sql_review hook claude-code < {shlex.quote(str(event))}"
            ours, theirs = alternately(["sh", "-c", hook], [PYTHON, "-c", "pass"], 15)
            ratio = ours.cpu / theirs.cpu
            missed += limit is not None and ratio > limit
            print(f"{what:38} {ours.wall:8.3f} {ours.wall / theirs.wall:7.2f} {ratio:7.2f}  {limit or ''}", flush=True)
    print(f"\n{'bytes and tokens of a review':38} {'agent':>12} {'json':>12} {'indented json':>14}   indented / agent")
    for script in SCRIPTS:
        texts = [review(script, "agent"), review(script, "json")]
        texts.append(json.dumps(json.loads(texts[1]), indent=2))
        sizes = [(len(text.encode()), tokens(text)) for text in texts]
        shown = " ".join(f"{f'{size}/{count}':>{width}}" for (size, count), width in zip(sizes, (12, 12, 14)))
        print(f"{script:38} {shown}   {sizes[2][0] / sizes[0][0]:.1f}/{sizes[2][1] / sizes[0][1]:.1f}")
    return 1 if missed else 0


def review(script: str, output_format: str) -> str:
    command = [PYTHON, "-m", "nl2sql_review", "--isolated", "--output-format", output_format, script]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8").stdout


def tokens(text: str) -> int:
    folder = node.installed("@anthropic-ai/tokenizer@0.0.4").parent
    done = subprocess.run(
        ["node", "-e", COUNT], cwd=folder, input=text, capture_output=True, encoding="utf-8", check=True
    )
    return int(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
