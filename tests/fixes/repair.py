"""A script on the disk, fixed as the command line fixes it, for tests."""

from __future__ import annotations

from functools import partial

from nl2sql_review.fixes import Session
from nl2sql_review.run.reviewer import Reviewer

IMPORTS = """\
from unsloth import FastLanguageModel, is_bfloat16_supported
from trl import SFTConfig, SFTTrainer
"""


def session(data: bytes, path: str = "train.py", **overrides) -> Session:
    examine = partial(Reviewer(isolated=True, overrides=overrides).examine, every_rule=True)
    return Session(examine, data, path)


def repaired(text: str, *rules: str, unsafe: bool = False, path: str = "train.py") -> str:
    """The script with the fixes of some rules made."""
    one = session(text.encode(), path, select=list(rules))
    one.apply(unsafe)
    return one.data.decode()
