"""Work that several processes do at once: splits that each draws for itself, files that each writes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Iterator

from ..interpret.core.recording import Call
from ..source import Source
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Trace, Unknown, Value
from .api.arguments import Defect
from .api.imports import fact as listed
from .derive import is_left_out, plain
from .object_settings import last
from .run import Run
from .spelling import spelt

if TYPE_CHECKING:
    import libcst as cst

LAUNCH = re.compile(r"\b(?:torchrun|torch\.distributed\.(?:run|launch)|accelerate\s+launch|deepspeed)\b")
PROCESSES = re.compile(r"--(?:nproc[_-]per[_-]node|num[_-]processes|num[_-]gpus)[ =](\d+)")
INDEXED = re.compile(r"environ\[\s*[\"'](LOCAL_RANK|RANK|WORLD_SIZE)[\"']\s*\]")
ONE = re.compile(
    r"world_process_zero|main_process|process_index|local_rank|\brank\b|RANK|is_main|is_master|master_process|on_main|"
    r"main_local|get_rank\b|global_rank\b|rank_?zero"
)
DISTRIBUTED = (
    "accelerator",
    "torchrun",
    "distributed",
    "deepspeed",
    "fsdp",
    "world_size",
    "local_rank",
    "global_rank",
    "get_rank",
)
OF_A_COMMENT = "another launch command"
ACCELERATE, RANK = re.compile(r"(?i)accelerate\b"), re.compile(r"\bRANK\b")
SEEDS = ("set_seed", "seed_everything", "seed_all", "fix_seed")
DOWNLOADS = ("urllib.request.urlretrieve", "wget.download", "gdown.download")
SHELLS = ("os.system", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output")
DOWNLOADER = re.compile(r"\b(wget|curl|gdown|gsutil|aws s3)\b")
NUMPY = ("numpy.random.seed", "np.random.seed")


def read(run: Run, plan: TrainingPlan) -> None:
    several = processes(run, plan)
    plan.arguments.several_processes = Fact(several, at=plan.arguments.processes.at or run.place)
    if plain(several) is not True or run.configuration is not None:
        why = "a single process trains"
        for part, name in ((plan.dataset, "unseeded_split"), (plan.project, "unguarded")):
            setattr(part, name, Fact(Absent(why), at=run.place, why_not=why))
        return
    guess, trace = isinstance(several, Default), several.trace
    train = "several processes train"
    if isinstance(several, Default) and several.overridden_by == OF_A_COMMENT and (found := commented(run)) is not None:
        train += f" under {found[0]}, as {os.path.basename(run.source.path)} says"
    plan.dataset.unseeded_split = listed(list(unseeded(run, guess, trace, train)), run.place)
    plan.project.unguarded = listed(list(unguarded(run, guess, train)), run.place)
    if not run.train and (write := next((c for c in run.calls if written(c) and not guarded(c)), None)) is not None:
        why = f"several processes train, and no training was found that {last(write.callee)} may come after"
        plan.project.unguarded = Fact(Unknown(why, trace), at=write.place)


def commented(run: Run) -> tuple[str, int] | None:
    """Return the first launch command in the script's text that states a number of processes, and that number."""
    for line in (line for line in run.source.text.split("\n") if "--n" in line):
        start = LAUNCH.search(line)
        if start is not None and (number := PROCESSES.search(line, start.end())) is not None:
            return f"{' '.join(start[0].split())} {number[0]}", int(number[1])
    return None


def processes(run: Run, plan: TrainingPlan) -> Value:
    """Return whether several processes train.

    That is stated, or a launch command in a comment starts several, or the rank is read without a default.
    """
    stated = plan.arguments.processes.value
    if merely_beside(run, stated):
        return Default(False, "the launcher")
    if isinstance(stated, Known) and isinstance(stated.value, int):
        return Known(stated.value > 1, stated.trace)
    if isinstance(stated, Default) and isinstance(stated.value, int) and stated.value > 1:
        return Default(True, stated.overridden_by, stated.trace)
    text = getattr(run.source, "text", "")
    if run.configuration is None:
        if (found := commented(run)) is not None:
            return Default(True, OF_A_COMMENT) if found[1] > 1 else Known(False)
        if INDEXED.search(text) and not re.search(r"[\"']LOCAL_RANK[\"']\s*(not )?in\s+os\.environ", text):
            return Default(True, "the launcher")
    return Default(False, "the launcher") if not isinstance(stated, Known) else Known(False)


def merely_beside(run: Run, stated: Value) -> bool:
    """Return whether only an accelerate file beside the script sets several processes: it may be for other scripts."""
    named = (
        run.processes is not None or bool(getattr(run.settings, "launch", None)) or run.recording.started is not None
    )
    return isinstance(stated, Default) and not named and not speaks_of_processes(run.source)


def speaks_of_processes(source: Source) -> bool:
    """Whether a script names what starts several processes, or asks which of them it is."""
    text = source.text.lower()  # and one search a word: alternatives without case are tried at every letter
    if any(word in text for word in DISTRIBUTED) or "accelerate" in text and ACCELERATE.search(text) is not None:
        return True
    return "RANK" in source.text and RANK.search(source.text) is not None  # the bare word "rank" is most often LoRA's


# -- splits ------------------------------------------------------------------------------------------------------


def unseeded(run: Run, guess: bool, trace: Trace, train: str) -> Iterator[Defect]:
    end = min((c.order for c in run.train), default=None)
    if "main_process_first" in run.source.text:
        return
    seen: set[int] = set()
    for call in run.calls:
        name = last(call.callee)
        if name in SEEDS and fixed(call) or call.callee in NUMPY and fixed(call):
            return
        if end is not None and call.order > end:
            return
        if call.callee not in ("datasets.Dataset.train_test_split", "datasets.Dataset.shuffle"):
            continue
        seed = call.get("seed", "$0" if name == "shuffle" else "seed")
        ordered = isinstance(shuffles := call.get("shuffle"), Known) and shuffles.value is False
        if not is_left_out(seed) or ordered or call.unknown_arguments or id(call.place.node) in seen:
            continue
        if not isinstance(call.get("generator"), Absent):
            continue
        seen.add(id(call.place.node))
        what = "split" if name == "train_test_split" else "shuffle"
        text = f"the {what} has no seed, and {train}: each of them draws its own"
        yield Defect("unseeded", name, call.place, text, assumed=guess)


def fixed(call: Call) -> bool:
    value = call.get("seed", "$0")
    return isinstance(value, (Known, Default)) and value.value is not None


# -- files -------------------------------------------------------------------------------------------------------


def unguarded(run: Run, guess: bool, train: str) -> Iterator[Defect]:
    """Yield the writes of every process to the same place: downloads at any time, others after the training."""
    if not run.train:
        return
    start, reached = max(c.order for c in run.train), any(c.reached for c in run.train)
    seen: set[int] = set()
    for call in run.calls:
        if id(call.place.node) in seen or reached and not call.reached:  # who calls it may ask for the rank
            continue
        what = written(call) if call.order > start else ""
        what = what or downloaded(call)
        if not what or guarded(call):
            continue
        seen.add(id(call.place.node))
        text = f"{train}, and each of them {what}: do it in only one"
        yield Defect("unguarded", last(call.callee), call.place, text, assumed=guess)


def written(call: Call) -> str:
    name = last(call.callee)
    if call.callee == "open":
        mode = plain(call.get("mode", "$1"))
        path = call.get("file", "$0")
        if isinstance(mode, str) and mode[:1] in "awx" and isinstance(path, (Known, Default)):
            return f"{'appends to' if mode[0] == 'a' else 'writes'} {path.value}"
    elif call.callee == "transformers.PreTrainedModel.save_pretrained":
        return "saves the model" if isinstance(call.get("is_main_process"), Absent) else ""
    elif call.callee == "transformers.PreTrainedModel.push_to_hub":
        return "pushes the model"
    elif name in ("to_csv", "to_json", "to_parquet") and call.callee.startswith(("pandas.", "datasets.")):
        return "writes a file"
    return ""


def downloaded(call: Call) -> str:
    """Return what a call downloads to a file of its own, or ""; a hub's library locks its own downloads."""
    if call.callee in DOWNLOADS:
        return "downloads to the same file while others read it"
    if call.callee not in SHELLS:
        return ""
    words = spelt(call.get("args", "command", "$0"))
    return "downloads to the same file while others read it" if DOWNLOADER.search(words) else ""


def guarded(call: Call) -> bool:
    """Return whether a test of the rank encloses the call, in its function or in the callers of that."""
    import libcst as cst

    if any(ONE.search(condition) for condition in (call.condition, *call.conditions)):
        return True
    source = call.place.source
    path = source.nodes.path(call.place.node)
    tests = [n.test for n in path if isinstance(n, (cst.If, cst.IfExp))]
    tests += [i.item for n in path if isinstance(n, cst.With) for i in n.items]
    tests += [d.decorator for n in path if isinstance(n, cst.FunctionDef) for d in n.decorators]
    if any(ONE.search(source.segment(t)) for t in tests):
        return True
    return leaves_early(source, path)


def leaves_early(source: Source, path: list[cst.CSTNode]) -> bool:
    """Return whether `if rank != 0: return` stands above it in the same body."""
    import libcst as cst

    for node in path:
        for one in getattr(getattr(node, "body", None), "body", ()):
            if isinstance(one, cst.If) and ONE.search(source.segment(one.test)):
                lines = [s for s in getattr(one.body, "body", ()) if isinstance(s, cst.SimpleStatementLine)]
                if any(isinstance(s.body[0], (cst.Return, cst.Raise)) for s in lines):
                    return True
    return False
