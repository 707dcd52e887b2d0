"""What the real parsers make of configurations, against what is claimed of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nl2sql_review.flavours import keys

from .real import outcome

PARSES = r"""
import dataclasses, json, os, sys, tempfile
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser
found = []
folder = tempfile.mkdtemp()
for key, value in json.load(sys.stdin):
    path = os.path.join(folder, "c.yaml")
    with open(path, "w") as file:
        file.write(f"model_name_or_path: m\ndataset_name: d\noutput_dir: {folder}\nuse_cpu: true\n{key}: {value}\n")
    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig))
    try:
        made = parser.parse_args_and_config(["--config", path], return_remaining_strings=True)
    except SystemExit:
        found.append("refused")
    else:
        found.append([getattr(one, key) for one in made if dataclasses.is_dataclass(one) and hasattr(one, key)][:1])
print("OUTCOME", json.dumps(found))
"""
TRL = [
    *(("learning_rate", "2e-4"), ("learning_rate", '"2e-4"'), ("learning_rate", "abc"), ("save_total_limit", "3")),
    *(("lora_r", '"16"'), ("lora_r", "1e1"), ("lora_alpha", "16.5"), ("max_length", '"2048"')),
    *(("eval_accumulation_steps", "1e1"), ("fp16", '"no"'), ("fp16", "maybe")),
    *(("lora_target_modules", "q_proj"), ("lora_target_modules", "[q_proj, v_proj]")),
]  # fmt: skip


def test_trl_takes_values_as_claimed(tmp_path: Path) -> None:
    found = outcome(PARSES, TRL, tmp_path)
    claimed = []
    for key, value in TRL:
        try:
            claimed.append([keys.parsed(yaml.safe_load(value), keys.of("trl").type_of("", key), "argparse")])
        except keys.Refused:
            claimed.append("refused")
    assert dict(zip(TRL, found)) == dict(zip(TRL, claimed))


LAUNCHES = r"""
import contextlib, io, json, sys
from accelerate.commands.launch import launch_command_parser
found = []
for options in json.load(sys.stdin):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            found.append(launch_command_parser().parse_args([*options, "sft.py"]).num_processes)
    except SystemExit:
        found.append("refused")
print("OUTCOME", json.dumps(found))
"""


def test_a_key_that_is_no_option_of_trl_goes_to_the_launcher_and_stops_it(tmp_path: Path) -> None:
    given = [["--num_processes", "2"], ["--lora_rank", "16"], ["--max_seq_length", "2048"]]
    assert outcome(LAUNCHES, given, tmp_path) == [2, "refused", "refused"]
    launcher = keys.of("trl").sections["launcher"]
    assert "num_processes" in launcher and not {"lora_rank", "max_seq_length"} & set(launcher)


HANDS_ON = r"""
import json, sys, tempfile, torch
from transformers import HfArgumentParser, Seq2SeqTrainingArguments
found = []
for setting in json.load(sys.stdin):
    try:
        given = {"output_dir": tempfile.mkdtemp(), "use_cpu": True, **setting}
        (made,) = HfArgumentParser([Seq2SeqTrainingArguments]).parse_dict(given)
        torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=made.learning_rate)
        found.append("goes on")
    except TypeError:
        found.append("TypeError")
print("OUTCOME", json.dumps(found))
"""


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"save_steps": "100"}, "TypeError"),
        ({"learning_rate": "2e-4"}, "TypeError"),
        ({"learning_rate": 2e-4}, "goes on"),
    ],
)
def test_llamafactory_hands_on_a_text_and_what_uses_it_stops(tmp_path: Path, setting: dict, said: str) -> None:
    """Its dataclasses are filled by this parser from what OmegaConf reads."""
    assert outcome(HANDS_ON, [setting], tmp_path) == [said]
