"""Training loops of a script that may load an earlier run: whether that code runs decides, not that it is there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nl2sql_review import readers
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Known

SCRIPT = """\
import argparse, os, torch, yaml
from transformers import AutoModelForCausalLM
import runs
parser = argparse.ArgumentParser()
parser.add_argument("--resume", default={default})
args = parser.parse_args()
cfg = yaml.safe_load(open("run.yaml"))
model = AutoModelForCausalLM.from_pretrained("m")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
{before}
for batch in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(), 2):
    model(**batch).loss.backward()
    optimizer.step()
"""
RUNS = """\
import torch

def restore(model, path):
    model.load_state_dict(torch.load(path))

def load_state(path):
    return None
"""


def resume(tmp_path, before, default="None"):
    (tmp_path / "runs.py").write_text(RUNS)
    (tmp_path / "run.yaml").write_text("resume:\nlast: last.pt\n")
    source = Source.from_bytes(SCRIPT.format(before=before, default=default).encode(), str(tmp_path / "train.py"))
    (plan,) = readers.read(interpret(source, tmp_path), source, SimpleNamespace(processes=None, gpu=None))
    value = plan.checkpointing.resume.value
    return (type(value), value.value) if isinstance(value, (Known, Default)) else "unknown"


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ("pass", Known),
        ("if args.resume: runs.restore(model, args.resume)", Default),
        ("if args.resume is not None and os.path.isfile(args.resume): runs.restore(model, args.resume)", Default),
        ("if cfg['resume']: runs.restore(model, cfg['resume'])", Known),
    ],
)
def test_code_that_a_plain_run_does_not_reach_resumes_nothing(tmp_path, before, kind):
    assert resume(tmp_path, before) == (kind, "never")


@pytest.mark.parametrize(
    "before",
    [
        "runs.restore(model, 'last.pt')",
        "if os.path.exists('last.pt'): runs.restore(model, 'last.pt')",
        "if cfg['last']: runs.restore(model, cfg['last'])",
        "if runs.load_state(args.resume): pass",
        "restored = [runs.restore]",
        "getattr(runs, os.environ['DO'])(model, 'last.pt')",
        "make().restore(model, 'last.pt')",
        "engine.begin(model, args.resume)",
    ],
)
def test_code_that_may_run_leaves_it_unknown(tmp_path, before):
    assert resume(tmp_path, before) == "unknown"


def test_an_option_that_resumes_by_default_leaves_it_unknown(tmp_path):
    assert resume(tmp_path, "if args.resume: runs.restore(model, args.resume)", "'last.pt'") == "unknown"
