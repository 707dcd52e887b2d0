"""When a hand-written training loop saves the model: where the calls that save stand in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...interpret.core.recording import Call, Condition
from ...training_plan.facts import Checkpointing, Fact
from ...training_plan.values import Absent, Default, Known, Term, Text, Unknown, Value, options
from ..derive import plain
from ..object_settings import last
from ..run import Run
from ..spelling import spelt
from ..untrained import hands_on_model
from . import enclosing_loops, innermost, last_of, texts, unread
from .accumulation import every_nth

if TYPE_CHECKING:
    import libcst as cst

SAVES = ("save_pretrained", "save_state", "save_model", "save", "save_checkpoint")
MAY_SAVE = re.compile(r"(?i)(?<!def )\b[\w.]{0,60}(?:save|checkpoint(?!ing)|pickle|push_to_hub)\w{0,30}\s?\(")
# Code of a test, also where it says that saving is on and the first step passed: `n and step > 0 and step % n == 0`
AT_INTERVALS = re.compile(
    r"(?:[\w.]{1,60}(?: (?:>|>=|!=) \d{1,9})? and ){0,4}\(?[^=<>!()]{1,100}\)? % [\w.\[\]\"']{1,100} == 0"
    r"(?: and [\w.]{1,60} > \d{1,9})?"
)
ONE_PROCESS = re.compile(r"is_(local_)?main_process|\b(get_)?rank\b|local_rank")
NOTHING = "the loop saves nothing on the way"
SAVE_NOTHING = ("accelerate", "copy", "deepspeed", "torchinfo", "trl", "wandb")  # when they are handed a model
DELETES = re.compile(r"rmtree|\bremove\(|unlink|\brm\b|\.move\(|rename|replace\(|total_limit|TemporaryDirectory|delete")


def read(run: Run, part: Checkpointing) -> None:
    """Fill in when the loop saves; how many checkpoints it keeps depends on code between its calls."""
    call = last_of(run, SAVES)
    what = f"when {last(call.callee)} is called" if call is not None else "whether anything is saved on the way"
    for name in ("save_strategy", "save_steps", "save_conflict", "save_total_limit"):
        setattr(part, name, unread(run, what, call.place if call is not None else None))
    said = strategy(run)
    if said is None:
        return
    at = said.trace[0] if said.trace else run.place
    part.save_strategy = Fact(said, at=at, note=NOTHING if said.value == "no" else "")
    part.save_conflict = Fact(Known(False, said.trace), at=at)
    part.save_total_limit = kept(run, said)
    if said.value == "no":
        for name in ("save_steps", "save_total_limit"):
            setattr(part, name, Fact(Absent(NOTHING), at=at, why_not=NOTHING))


def kept(run: Run, saves: Known | Default) -> Fact:
    """Return how many checkpoints the loop keeps: all, if it deletes none and each gets a directory of its own."""
    at = saves.trace[0] if saves.trace else run.place
    nodes = [place.node for place in saves.trace]
    folders = [folder(c) for c in run.calls if c.place.node in nodes]
    names = {name for one in folders if isinstance(name := plain(one), str)}
    if not any(DELETES.search(text) for text in [*texts(run), *(place.source.text for place in saves.trace)]):
        if any(changes(one) for one in folders) or len(names) > 1:
            return Fact(
                Known(None, saves.trace), at=at, note="every checkpoint has its own directory, and none is deleted"
            )
        if names and all(isinstance(plain(one), str) for one in folders):
            return Fact(Known(1, saves.trace), at=at, note="each checkpoint replaces the one before")
    return unread(run, "how many checkpoints it keeps", at)


def folder(call: Call) -> Value:
    """Return where a call saves."""
    return call.get(*(("f", "$1") if last(call.callee) == "save" else ("save_directory", "output_dir", "$0")))


def changes(name: object) -> bool:
    """Return whether the name of a directory has a part that is another at each turn of a loop."""
    if isinstance(name, Unknown):
        return name.why.startswith("changes in a loop")
    if isinstance(name, Term) and (name.operation, name.text) == ("symbol", "i"):  # counts the turns
        return True
    parts = name.parts if isinstance(name, Text) else name.args if isinstance(name, Term) else ()
    return any(map(changes, parts))


def strategy(run: Run) -> Known | Default | None:
    """Return "steps", "epoch" or "no", or None where it is not clear."""
    saves = [c for c in run.calls if last(c.callee) in SAVES]
    once = {id(c.place.node) for c in saves if not c.conditional and not enclosing_loops(c)}
    if len(once) == len(saves) >= sum(len(MAY_SAVE.findall(text)) for text in texts(run)) and not handed_on(run):
        return Known("no", (run.place,) if run.place else ())
    trained = [enclosing_loops(c) for c in run.backward]
    for call in saves:
        if "Tokenizer" not in call.callee:
            around = enclosing_loops(call)
            inner = any(around and within and around[-1] is within[-1] for within in trained)
            outer = any(around and any(around[-1] is loop for loop in within) for within in trained)
            tests = conditions(call, around[-1]) if outer else []
            if inner and tests and all(AT_INTERVALS.fullmatch(test) for test in tests):
                return Known("steps", (call.place,))
            if outer and not inner and all(AT_INTERVALS.fullmatch(test) for test in tests):
                return Known("epoch", (call.place,))
    found = [by_turns(run, call, saves) for call in saves]
    return next((one for one in found if one is not None), None)


def handed_on(run: Run) -> bool:
    """Return whether code that is not known gets the model by the end of the loop: it may save the model."""
    calls = (c for c in run.calls if "." in c.callee and c.callee.partition(".")[0] not in SAVE_NOTHING)
    return any(hands_on_model(c) for c in calls if c.turns or c.order < run.backward[-1].order)


def by_turns(run: Run, call: Call, saves: list[Call]) -> Known | Default | None:
    """Return the strategy of a call in a function that the loop calls: whether it is reached in each of its turns."""
    loop = innermost(call)
    if loop is None or "Tokenizer" in call.callee:
        return None
    trained = {turn.number: c for c in run.backward for turn in c.turns if turn.loop is loop}
    saved = {c.turns[-1].number: c for c in saves if c.place.node is call.place.node and innermost(c) is loop}
    if not trained or not trained.keys() <= saved.keys():
        return None
    decided = {test for number, c in trained.items() for test in beyond(saved[number], c) if not one_process(test)}
    inner = any(innermost(c) is loop for c in run.backward)
    if not all(map(every_nth, decided)) or inner and not decided:
        return None
    assumed = [option for number, c in trained.items() for option in saved[number].assumed if option not in c.assumed]
    made = Known("steps" if inner else "epoch", (call.place,))
    return Default(made.value, assumed[0], made.trace) if assumed else made


def beyond(call: Call, other: Call) -> tuple[str, ...]:
    """Return what must hold for a call to run beside what holds for another."""
    shared = 0
    for one, two in zip(call.conditions, other.conditions):
        if one is not two:
            break
        shared += 1
    return call.conditions[shared:]


def one_process(condition: str) -> bool:
    """Return whether a condition holds in the one process that saves."""
    if not isinstance(condition, Condition) or not condition.holds:
        return False
    said = [plain(one) is True or ONE_PROCESS.search(spelt(one)) for one in options(condition.test)]
    return all(said)


def conditions(call: Call, loop: cst.CSTNode) -> list[str]:
    """Return what must hold inside a loop for a call to run, beside being the process that saves."""
    import libcst as cst

    source = call.place.source
    path = source.nodes.path(call.place.node)
    inside = path[next(i for i, node in enumerate(path) if node is loop) :]
    tests = [node.test for node in inside if isinstance(node, (cst.If, cst.IfExp, cst.While)) and node is not loop]
    rest = [
        "an exception" for node in inside if isinstance(node, (cst.ExceptHandler, cst.Else, cst.Finally, cst.Match))
    ]
    said = [source.segment(test) for test in tests]
    return [*rest, *(test for test in said if not ONE_PROCESS.search(test))]
