"""Whatever the interpreter claims of a whole script is what running it does.

Every fixture and every rule example is rehearsed twice (so is every form, in `test_forms.py`): plainly, and on another
machine with another command line. A Known argument must be the recorded one in both runs, a Default in the plain one.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from nl2sql_review.interpret.core.recording import Call
from nl2sql_review.run.rule_examples import PRELUDE

from .claims import agrees, contradictions, covers, interpreted, site
from .rehearsal import Recorded, encode, perform, rehearse
from .rehearsal.client import REPOSITORY

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")

FIXTURES = REPOSITORY / "fixtures"
FENCE = re.compile(r"^```python (?:good|bad|unknown|na)[^\n]*\n(.*?)^```", re.M | re.S)

# Fixtures that stop early on purpose; every other one must run to its end.
ENDS = {"seed/dataset_config_as_written.py": "NameError", "trainer/make_model.py": "IndexError"}


# Of fixtures/silent, what the stand-ins do not do: ids and texts that are generated, tensors of a batch, named
# parameters, rows of a file of one's own, and the script that serves. Their causes run against the real libraries
# (benchmarks/silent).
BEYOND = frozenset(
    """
    02-everything-frozen 08-schema-tokens-untrained 10-labels-shifted-twice 16-assistant-mask-without-markers
    30-another-prompt-when-asked 33-answer-decoded-with-its-prompt 34-batches-padded-on-the-right
    35-generation-ends-elsewhere 36-answers-of-twenty-tokens 38-everybody-writes frozen_then_freed
    59-side-said-where-the-tokenizer-is-loaded 61-question-without-the-heading-of-the-answer
    end_token_aligned_by_the_trainer frozen_adapter_beside_the_trained_one heading_written_by_hand
    optimizer_of_groups right_padding_one_at_a_time serve short_question_asked
    """.split()
)


def fixtures() -> list[Path]:
    found = [*sorted(FIXTURES.rglob("*.py")), *sorted(FIXTURES.rglob("*.ipynb"))]
    return [path for path in found if not {"odd", *BEYOND} & {*path.parts, path.stem}]


def examples() -> list[tuple[str, str]]:
    """The fences of the rules, each with the imports it stands on."""
    found = []
    for rule in sorted((REPOSITORY / "rules").rglob("*.md")):
        for number, match in enumerate(FENCE.finditer(rule.read_text(encoding="utf-8")), 1):
            found.append((f"{rule.parent.name}/{rule.stem}-{number}", PRELUDE + match.group(1)))
    return found


def refuted(path: Path, root: Path | None, fragment: bool = False) -> list[str]:
    base = root or path.parent
    recording = interpreted(path, base)
    found = []
    for variant in "ab":
        run = perform(path, root, variant, fragment)
        found += [f"{variant}: {line}" for line in contradictions(recording, run, base, plain=variant == "a")]
    return found


def last_row(call: Call, first: int) -> int:
    """The last row that a run may give for a call: before 3.11 it knows which row it has come to, not the first."""
    if sys.version_info >= (3, 11) or call.place.node is None:
        return first
    return call.place.source.span(call.place.node).end_row


def overlooked(path: Path, root: Path | None) -> list[str]:
    """Calls that the plain run made and the interpreter lists nowhere, or with no room for what was passed."""
    base = root or path.parent
    claimed: dict = {}
    for call in interpreted(path, base).calls:
        file, cell, first, name = site(call, base)
        for row in range(first, last_row(call, first) + 1):
            claimed.setdefault((file, cell, row, name), []).append(call)
    found = []
    for run in perform(path, root).calls:
        here = claimed.get((run.path, run.cell, run.row, run.callee.rsplit(".", 1)[-1]), [])
        if not any(covers(call, run) for call in here):
            found.append(f"{run.path}:{run.row} {run.callee} {run.arguments}: {[call.arguments for call in here]}")
    return found


@pytest.mark.parametrize("path", fixtures(), ids=lambda p: p.relative_to(FIXTURES).as_posix())
def test_a_fixture_does_what_is_claimed_of_it(path: Path) -> None:
    assert refuted(path, path.parent) == []


@pytest.mark.parametrize("path", fixtures(), ids=lambda p: p.relative_to(FIXTURES).as_posix())
def test_no_call_of_a_fixture_is_overlooked(path: Path) -> None:
    assert overlooked(path, path.parent) == []


@pytest.mark.parametrize("path", fixtures(), ids=lambda p: p.relative_to(FIXTURES).as_posix())
def test_a_fixture_runs_to_its_end(path: Path) -> None:
    ends = ENDS.get(path.relative_to(FIXTURES).as_posix(), "")
    assert perform(path, path.parent).error.partition(":")[0] == ends


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in examples()])
def test_an_example_of_a_rule_does_what_is_claimed_of_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(text, encoding="utf-8")
    assert refuted(path, None, fragment=True) == []
    assert not perform(path, None, fragment=True).error.startswith("stopped")  # it proves nothing if it never ends


# -- the rehearsal itself ------------------------------------------------------------------------------------------
def written(folder: Path, text: str, name: str = "train.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_call_is_recorded_with_its_place_and_names(tmp_path: Path) -> None:
    path = written(tmp_path, "from trl import SFTConfig as C\n\nargs = C(\n    'out',\n    learning_rate=2e-4,\n)\n")
    assert rehearse(path) == [
        Recorded("trl.SFTConfig", "train.py", None, 3, {"output_dir": "out", "learning_rate": 2e-4})
    ]


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before 3.11 a running call knows its row only, not its expression"
)
def test_a_chain_of_calls_starts_where_its_expression_starts(tmp_path: Path) -> None:
    text = (
        "from datasets import load_dataset\nds = (\n    load_dataset('a', split='train')\n    .shuffle(seed=1)\n"
        "    .select([0])\n)\n"
    )
    assert [(call.callee, call.row) for call in rehearse(written(tmp_path, text))] == [
        ("datasets.load_dataset", 3),
        ("datasets.Dataset.shuffle", 3),
        ("datasets.Dataset.select", 3),
    ]


def test_trainers_share_the_methods_of_the_trainer(tmp_path: Path) -> None:
    text = "from trl import SFTTrainer\n\nclass Mine(SFTTrainer):\n    pass\n\nMine(model=None).train()\n"
    assert [call.callee for call in rehearse(written(tmp_path, text))] == [
        "trl.SFTTrainer",
        "transformers.Trainer.train",
    ]


def test_writes_to_objects_of_a_library_are_recorded(tmp_path: Path) -> None:
    text = (
        "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('a')\n"
        "tok.pad_token = tok.eos_token\n"
    )
    assert rehearse(written(tmp_path, text))[-1].arguments == {"pad_token": "</s>"}
    assert rehearse(written(tmp_path, text))[-1].callee == "transformers.PreTrainedTokenizer.pad_token="


@pytest.mark.parametrize(
    "expression",
    [
        "is_bfloat16_supported()",
        "torch.cuda.is_available()",
        "torch.cuda.device_count()",
        "len(load_dataset('a', split='train'))",
        "os.environ.get('RANK', '3')",
        "os.environ['RANK']",
        "os.cpu_count()",
        "parser.parse_args().r",
        "datetime.datetime.now().strftime('%Y')",
        "time.strftime('%Y')",
        "os.path.isdir('outputs')",
        "len(load_dataset('a', split='train')[0]['sql'] + tokenizer.eos_token)",
        "input()",
    ],
)
def test_what_the_environment_decides_differs_between_the_variants(tmp_path: Path, expression: str) -> None:
    text = f"""
import argparse, datetime, os, time, torch
from datasets import load_dataset
from transformers import AutoTokenizer
from unsloth import FastLanguageModel, is_bfloat16_supported
parser = argparse.ArgumentParser()
parser.add_argument("--r", type=int, default=16)
tokenizer = AutoTokenizer.from_pretrained("a")
FastLanguageModel.get_peft_model(None, r={expression})
"""
    path = written(tmp_path, text)
    values = [perform(path, None, variant).calls[-1].arguments["r"] for variant in "ab"]
    assert values[0] != values[1]


def test_a_notebook_is_rehearsed_by_cell(tmp_path: Path) -> None:
    text = (
        '{"cells": [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "source": ["%%capture\\n", '
        '"!pip install a \\\\\\n", "  b\\n", "from trl import SFTConfig\\n"]}, {"cell_type": "code", "source": '
        '["\\n", "SFTConfig(\'out\')"]}]}'
    )
    assert [(call.cell, call.row) for call in rehearse(written(tmp_path, text, "train.ipynb"))] == [(3, 2)]


def test_a_script_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    assert perform(written(tmp_path, "x = bytearray(3 * 1024**3)\n")).error.startswith("MemoryError")
    assert (
        "PermissionError"
        in perform(written(tmp_path, "import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "net.py")).error
    )


def test_the_script_works_on_a_copy(tmp_path: Path) -> None:
    path = written(tmp_path, "import os\nopen('config.yaml', 'w').write('r: 64')\nos.makedirs('out')\n")
    written(tmp_path, "r: 16\n", "config.yaml")
    assert perform(path, tmp_path).error == ""
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "r: 16\n"


def test_encoding_tells_values_apart_that_print_alike() -> None:
    values = [1, 1.0, True, "1", [1], (1,), {"1": 1}, {1: 1}, {1}, b"1", None]
    encoded = [encode(value) for value in values]
    assert all(agrees(a, b) == (i == j) for i, a in enumerate(encoded) for j, b in enumerate(encoded))
