"""Objects that are made when they are first read, moved to a device, or guarded by `try`: they stay what they are."""

from __future__ import annotations

import pytest

from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Either, Known, Value

HEAD = """\
import argparse, os, torch, transformers
import library
from peft import LoraConfig
"""


def rank_of(code: str) -> Value:
    recording = interpret(Source.from_bytes((HEAD + code).encode(), "train.py"), ".")
    (call,) = [c for c in recording.calls if c.callee.endswith("LoraConfig")]
    return call.arguments["r"]


FILLED = """\
%s
class Box:
    rank = None
    def fill(self):
        if os.getpid() > 9:
            raise %s("no such box")
        self.rank = 16
box = Box()
try:
    box.fill()
except %s:
    box.rank = 4
LoraConfig(r=box.rank)
"""


@pytest.mark.parametrize(
    "raised, caught",
    [("NotImplementedError", "AttributeError"), ("ValueError", "(KeyError, OSError)"), ("EOFError", "ValueError")],
)
def test_an_exception_that_no_handler_catches_does_not_run_it(raised: str, caught: str) -> None:
    found = rank_of(FILLED % ("", raised, caught))
    assert isinstance(found, (Known, Default)) and found.value == 16


@pytest.mark.parametrize(
    "own, raised, caught",
    [
        ("", "NotImplementedError", "RuntimeError"),
        ("", "UnicodeError", "ValueError"),
        ("", "OSError", "FileNotFoundError"),  # OSError(errno.ENOENT) is one
        ("", "Exception", "AttributeError"),  # what is raised under this name may be any
        ("class EOFError(ValueError): pass", "EOFError", "ValueError"),
        ("from library import Missing", "Missing", "ValueError"),
    ],
)
def test_a_handler_that_may_catch_the_exception_leaves_the_value_open(own: str, raised: str, caught: str) -> None:
    assert isinstance(rank_of(FILLED % (own, raised, caught)), Either)


CHOSEN = """\
parser = argparse.ArgumentParser()
parser.add_argument("--small", action="store_true")
rank = %s
if not parser.parse_args().small:
    rank = 8 if os.getpid() > 9 else 16
LoraConfig(r=rank)
"""


def test_an_open_value_covers_what_another_command_line_leaves() -> None:
    found = rank_of(CHOSEN % 16)
    assert isinstance(found, Either) and all(isinstance(option, Known) for option in found.options)
    other = rank_of(CHOSEN % 32)
    assert isinstance(other, Either) and all(isinstance(option, Default) for option in other.options)


NET = "class Net(%s):\n    def __init__(self):\n        super().__init__()\n        self.rank = 16\n    %s\n"


@pytest.mark.parametrize("base", ["torch.nn.Module", "transformers.PreTrainedModel"])
@pytest.mark.parametrize("moved", [".to('cuda')", ".cuda().half()", ".train().requires_grad_(False)"])
def test_a_module_moved_to_a_device_is_the_same_object(base: str, moved: str) -> None:
    found = rank_of(NET % (base, "") + f"LoraConfig(r=Net(){moved}.rank)\n")
    assert isinstance(found, Known) and found.value == 16


def test_what_another_method_gives_is_not_the_module() -> None:
    assert not isinstance(rank_of(NET % ("torch.nn.Module", "") + "LoraConfig(r=Net().state_dict().rank)\n"), Known)
    assert not isinstance(rank_of(NET % ("library.Mover", "") + "LoraConfig(r=Net().to('cuda').rank)\n"), Known)
    own = "def to(self, device):\n        return Smaller()"
    smaller = "class Smaller:\n    rank = 4\n"
    assert rank_of(smaller + NET % ("torch.nn.Module", own) + "LoraConfig(r=Net().to('cuda').rank)\n").value == 4


MAYBE = """\
class Net:
    rank = 16
    def __call__(self):
        return self.rank
net = None
if os.getpid() > 9:
    net = Net()
"""


@pytest.mark.parametrize("read", ["net.rank", "net()", "(net or None).rank"])
def test_what_is_asked_for_an_attribute_or_called_is_not_none(read: str) -> None:
    found = rank_of(MAYBE + f"LoraConfig(r={read})\n")
    assert isinstance(found, Known) and found.value == 16


@pytest.mark.parametrize("read, error", [("net.rank", "AttributeError"), ("net()", "TypeError")])
def test_where_the_error_of_none_is_caught_the_value_is_open(read: str, error: str) -> None:
    found = rank_of(MAYBE + f"try:\n    rank = {read}\nexcept {error}:\n    rank = 4\nLoraConfig(r=rank)\n")
    assert isinstance(found, Either) and {shown.value for shown in found.options} == {16, 4}


def test_what_overrides_a_default_of_none_may_be_anything() -> None:
    parsed = "parser = argparse.ArgumentParser()\nparser.add_argument('--net')\nnet = parser.parse_args().net\n"
    found = rank_of(MAYBE.replace("net = None\n", parsed) + "LoraConfig(r=net.rank)\n")
    assert isinstance(found, Default) and found.value == 16


def test_an_object_without_the_attribute_leaves_the_value_open_where_its_error_is_caught() -> None:
    found = rank_of(
        MAYBE.replace("net = None", "class Other:\n    pass\nnet = Other()")
        + "try:\n    rank = net.rank\nexcept AttributeError:\n    rank = 4\nLoraConfig(r=rank)\n"
    )
    assert not isinstance(found, Known)
