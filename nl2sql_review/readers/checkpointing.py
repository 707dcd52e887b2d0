"""Checkpoints: when they are written, how many are kept, and which one a restarted run resumes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ..interpret.core.joins import demote
from ..interpret.core.objects import Function
from ..interpret.core.recording import FAILED
from ..training_plan.facts import Checkpointing, Fact, TrainingPlan
from ..training_plan.values import (
    Absent,
    Default,
    Either,
    Known,
    Place,
    Term,
    Text,
    Trace,
    Unknown,
    Value,
    options,
    same,
)
from . import checkpoint_guard as guard
from . import defaults, hand_loop, saving_callbacks
from .adapter_choice import beyond
from .arguments import setting
from .derive import derive, plain
from .hand_loop import saves
from .object_settings import from_library, last
from .run import Run

SPELLINGS = {
    "save_strategy": ("save_strategy",),
    "save_steps": ("save_steps",),
    "save_total_limit": ("save_total_limit",),
}

UNSAVED = "Unsloth saves nothing if neither output_dir nor save_steps is set"
CHECKPOINT = ("resume_from_checkpoint", "model_path", "$0")

SORTED = re.compile(r"\bsorted\(|\bmax\(|\.sort\(|natsorted\(")
NUMERIC = re.compile(r"key\s*=(?:(?!key\s*=).)*(\bint\b|\bfloat\b|re\.|\.isdigit)|natsorted\(|key\s*=\s*int", re.DOTALL)
# Of pairs the first member counts: a number, as in `(int(step), path)`. `[-1][1]` takes another member of one.
PAIRS = re.compile(r"\b(?:sorted|max)\((?:list\()?[\[(]+(?:int|float)\(")
OF_PAIR = re.compile(r"\)\[-?\d+\]\[-?[1-9]\d*\]")
BY_TIME = re.compile(r"getmtime|getctime|st_mtime|st_ctime")
# functions and commands that bring files from elsewhere
BRINGS = ("copytree", "snapshot_download", "unpack_archive", "extractall")
BRINGING = re.compile(r"\b(?:aws s3|cp|download|gdown|git clone|gsutil|mv|rclone|rsync|tar|unzip|wget)\b")
JOINED = re.compile(r"os\.path\.join|\bglob\.i?glob\(|\.glob\(|\.rglob\(|iterdir|scandir|pathlib|Path\(|\.path\b| / ")


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.checkpointing
    if hand_loop.trains(run):
        from .hand_loop.resume import (
            continued,  # it looks through the tree of the script, which a configuration has not
        )

        saves.read(run, part)
        part.resume = continued(run)
        part.resume_by = Fact(Absent("the loop is the script's own"), at=part.resume.at)
        return
    for name, spellings in SPELLINGS.items():
        setattr(part, name, setting(run, name, spellings))
    part.save_strategy.value = derive(strategy_name, part.save_strategy.value, terms=True)
    unsaved(run, part)
    if plain(part.save_strategy.value) == "no" and saving_callbacks.has_callbacks(run):
        if why := saving_callbacks.how(run):
            part.save_strategy.value = Unknown(f"a callback of the script {why}")
        if "itself" in why and from_library(part.save_total_limit.value):
            part.save_total_limit.value = Unknown(f"a callback of the script {why}, and may delete what it has written")
    strategy, steps = part.save_strategy, part.save_steps
    if not isinstance(strategy.value, (Known, Default)) or plain(strategy.value) == "steps":
        if from_library(steps.value) and plain(steps.value) is not None and plain(strategy.value) == "steps":
            strategy.note = f"every {plain(steps.value)} steps, the library's default"
    elif plain(strategy.value) == "epoch" and not from_library(steps.value) and not isinstance(steps.value, Absent):
        strategy.note = "save_steps is ignored"
    conflict = derive(
        lambda s, n: s == "no" and not isinstance(n, Absent),
        strategy.value,
        Absent() if from_library(steps.value) else steps.value,
        trace=steps.value.trace,
    )
    if chosen_together(strategy, steps):
        conflict = Known(False, conflict.trace)
    part.save_conflict = Fact(conflict, at=steps.at, why_not=steps.why_not)
    part.resume, part.resume_by = resume(run)


def chosen_together(strategy: Fact, steps: Fact) -> bool:
    """Return whether one test chooses both: `save_steps=n if n else 500, save_strategy="steps" if n else "no"`."""
    places = [at for at in (strategy.at, steps.at) if at is not None and hasattr(at.node, "value")]
    if len(places) < 2:
        return False
    import libcst as cst

    chosen = [(at.source, at.node.value) for at in places if isinstance(at.node.value, cst.IfExp)]
    return len(chosen) == 2 and len({source.segment(value.test) for source, value in chosen}) == 1


def unsaved(run: Run, part: Checkpointing) -> None:
    """Set the strategy to "no" if Unsloth's class saves nothing, for lack of a directory and a number of steps."""
    where = run.arguments.value("output_dir") if run.arguments else Absent()
    callee = run.arguments.callee or "trl.SFTConfig"
    if run.arguments.unknown or not defaults.generated(callee) or plain(where) is not None:
        return
    if not isinstance(where, (Absent, Known)) or defaults.otherwise(callee) is not None:
        return
    if plain(part.save_strategy.value) == "steps" and plain(part.save_steps.value) == 500:
        note = f"library default: {defaults.name(callee)}.save_strategy"
        at = part.save_strategy.at
        trace = (Place(at.source, at.node, note),) if at is not None else ()
        part.save_strategy.value = Known("no", trace)
        part.save_strategy.note = UNSAVED


def strategy_name(value: object) -> object:
    """Return a strategy as a word: `IntervalStrategy.EPOCH` and "epoch" are the same."""
    if isinstance(value, Term) and "Strategy." in value.text:
        return value.text.rpartition(".")[2].lower()
    return value


# -- resuming ----------------------------------------------------------------------------------------------------


def resume(run: Run) -> tuple[Fact, Fact]:
    if not run.train:
        why_not = "" if run.trainer is not None else "the script creates no trainer"
        why = "no train() call of this trainer was found"
        value: Value = Absent(why) if why_not else Unknown(run.recording.exhausted or why)
        return Fact(value, at=run.place, why_not=why_not), Fact(Absent(why), at=run.place, why_not=why_not)
    call = run.train[-1]
    given = [c for c in run.train if not isinstance(c.get(*CHECKPOINT), Absent)]
    if given:
        call = given[-1]
    at = next((call.places[n] for n in CHECKPOINT if n in call.places), call.place)
    if last(call.callee) == "unsloth_train":
        return Fact(Known("never", (call.place,)), at=at, note="unsloth_train has no argument for a checkpoint"), Fact(
            Absent(), at=at
        )
    value = call.get(*CHECKPOINT)
    if isinstance(value, Absent) and call.unknown_arguments:
        return Fact(Unknown(call.unknown_arguments, (call.place,)), at=at), Fact(Absent(), at=at)
    if isinstance(value, Absent):
        steps: Trace = (call.place,)
        note, never = "", "never"
        option = resumed_by(run)
        asked = run.arguments.value("resume_from_checkpoint")
        if not isinstance(asked, Unknown) and not nothing(asked):
            note = "the trainer does not read resume_from_checkpoint of the training arguments: pass it to train()"
            steps, never = (*asked.trace, call.place), "unread argument"
        manner: Value = Default(never, option, steps) if option else Known(never, steps)
        return Fact(manner, at=call.place, note=note), Fact(Absent("train() is called without a checkpoint"), at=at)
    if not call.certain or otherwise(run):
        # `if …: trainer.train(resume_from_checkpoint=x) else: trainer.train()`, or the second in an `except`
        condition = getattr(value, "condition", "") or call.condition or "it fails"
        nothing_given = Known(None, (call.place,))
        found = (nothing_given, *options(value)) if guard.runs_otherwise(call) else (*options(value), nothing_given)
        value = Either(found, condition, value.trace)
    manner, by = judge(run, value, tried=otherwise(run))
    options_of_start = beyond(run, call.assumed, "assumed")
    return Fact(demote(manner, options_of_start[0]) if options_of_start else manner, at=at), Fact(by, at=at)


def resumed_by(run: Run) -> str:
    """Return with what another run resumes: `--resume` of `if args.resume: trainer.train(args.resume)`, `$RESUME`."""
    others = [c for c in run.recording.alternatives if c.callee in {t.callee for t in run.train}]
    found = (c.condition for c in others if not isinstance(c.get(*CHECKPOINT), Absent))
    return next((by for by in found if not by.startswith(FAILED)), "")


def otherwise(run: Run) -> bool:
    """Return whether an `except` starts the training anew if it cannot be resumed."""
    others = [c for c in run.recording.alternatives if last(c.callee) == "train" and "Trainer" in c.callee]
    return any(c.condition.startswith(FAILED) for c in others)


def judge(run: Run, value: Value, tried: bool = False) -> tuple[Value, Value]:
    """Return how the checkpoint is found, and the expression that finds it."""
    if isinstance(value, Unknown):
        return value, value
    if isinstance(value, Either):
        found = [o for o in value.options if not nothing(o)]
        guarded = len(found) < len(value.options)
        if not found:
            return Known("never", value.trace), value
        if len(value.options) == 2 and guarded:
            said = guard.says(value.condition)
            if said and said != (guard.PRESENT if found[0] is value.options[0] else guard.ABSENT):
                return Known("inverted", value.trace), value
        manners = [one(run, o, guarded, value.condition, tried) for o in found]
        result = (
            manners[0] if len(set(map(plain, manners))) == 1 else Either(tuple(manners), value.condition, value.trace)
        )
        if guarded and plain(result) == "newest" and guard.searches_elsewhere(run, value.condition):
            why = f"whether there is a checkpoint to resume from depends on {value.condition}"
            return Unknown(why, value.trace), found[0]
        return result, found[0]
    return one(run, value, False, "", tried), value


def nothing(value: Value) -> bool:
    return isinstance(value, Absent) or isinstance(value, (Known, Default)) and value.value in (None, False, "")


def one(run: Run, value: Value, guarded: bool, condition: str, tried: bool) -> Value:
    if nothing(value):
        return derive(lambda _: "never", value)
    if isinstance(value, (Known, Default)):
        plainly = value.value
        if plainly is True:
            if guarded and not tried and not guard.SEARCH.search(condition) and not guard.EXISTS.search(condition):
                return Unknown(
                    f"whether there is a checkpoint to resume from depends on {condition or 'the path taken'}",
                    value.trace,
                )
            if command := brings_checkpoints(run):
                return Unknown(f"whether there is a checkpoint depends on what {command} brings", value.trace)
            named = "newest" if tried or guard.SEARCH.search(condition) else "unguarded"
        elif isinstance(plainly, str):
            named = "output directory" if folder(plainly) == output_folder(run) else "fixed path"
        elif hasattr(plainly, "text") and hasattr(plainly, "args"):  # str(…) or Path(…) of an expression
            return one(run, Term(plainly.text, plainly.operation, plainly.args, value.trace), guarded, condition, tried)
        elif hasattr(plainly, "slots"):
            return Unknown("the checkpoint could not be followed", value.trace)
        else:
            named = "fixed path"
        return derive(lambda _: named, value)
    if isinstance(value, Unknown):
        return value
    text = text_of(value)
    manner = manner_of(run, value, text, guarded or tried)
    if manner:
        return Known(manner, value.trace)
    which = "from which checkpoint the run resumes" if text in ("", "None") else f"which checkpoint {text} is"
    return Unknown(f"it is known only at run time {which}", value.trace)


def manner_of(run: Run, value: Value, text: str, guarded: bool) -> str:
    if guard.SEARCH.search(text) and removes_directory(run):
        return "removed"
    if isinstance(value, Term) and value.operation in ("not", "and", "op") and guard.says(text) == guard.ABSENT:
        return "inverted"
    if guard.searches_elsewhere(run, text):
        return "elsewhere"
    if guard.searches_others_too(run, text):
        return ""
    if "get_last_checkpoint" in text:
        return (
            "newest"
            if guarded or guard.directory_exists(run, text) or "isdir" in text or "exists" in text
            else "unguarded"
        )
    if isinstance(value, Term) and (
        value.operation in ("not", "and", "or", "op")
        or re.match(r"(bool|any|os\.path\.isdir|os\.path\.exists)\(", text)
    ):
        if not SORTED.search(text):  # true or false: the trainer then looks itself, and raises when it finds none
            return "newest" if guard.SEARCH.search(text) else "unguarded" if guard.EXISTS.search(text) else ""
    if SORTED.search(text):
        if not (NUMERIC.search(text) or numeric_key(value) or BY_TIME.search(text) or PAIRS.search(text)):
            several = keeps_several(run)
            if "max(" in text and "key=" not in text or OF_PAIR.search(text) or several is None:
                return ""
            if several or "checkpoint" not in text:  # of one that is kept, any order finds it
                return "text order"
            return "newest" if joined(value, text) else "bare name"
        return "oldest" if oldest(text) else "newest" if joined(value, text) else "bare name"
    if text.endswith((")[-1]", ")[0]")) and any("listdir" in w or "glob" in w for w in re.findall(r"\b\w+\(", text)):
        return "any"
    return ""


def keeps_several(run: Run) -> bool | None:
    """Return whether more than one checkpoint is kept; None if an option, or what is unknown, decides.

    With `load_best_model_at_end` the best one is kept beside the last.
    """
    limit, best = run.arguments.value("save_total_limit"), run.arguments.value("load_best_model_at_end")
    if all(plain(one) != 1 for one in options(limit)):
        return True
    if isinstance(best, Absent) and run.arguments.unknown or not isinstance(best, (Absent, Known)):
        return None
    if not isinstance(best, Absent) and best.value is not False:
        return True
    return False if isinstance(limit, Known) else None


def folder(path: str) -> str:
    return posixpath.normpath(path) if path else ""


def output_folder(run: Run) -> str:
    return folder(str(plain(run.arguments.value("output_dir")) or "")) if run.arguments else ""


def brings_checkpoints(run: Run) -> str:
    """Return the command or function before the training that may bring the output directory from elsewhere, or ""."""
    name, train = posixpath.basename(output_folder(run)), run.train[0]
    if not name:
        return ""
    for call in run.calls:
        texts = [text for value in call.arguments.values() if isinstance(text := plain(value), str)]
        if call.order < train.order and last(call.callee) in BRINGS and any(folder(t).endswith(name) for t in texts):
            return last(call.callee)
    span = run.source.span(train.place.node) if train.place.source is run.source else None
    for magic in getattr(run.source, "magics", ()):
        before = span is not None and span.cell is not None and (magic.cell, magic.row) < (span.cell, span.row)
        named = before and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", magic.text)
        if named and (found := BRINGING.search(magic.text)):
            return f"`{found[0]}`"
    return ""


def oldest(text: str) -> bool:
    """Return whether the first of checkpoints in rising order is taken, or the last of those in falling order."""
    taken = re.match(r".*\)\[(-1|0)\]", text.partition("sorted(")[2], re.DOTALL)
    return taken is not None and taken[1] == ("-1" if "reverse=True" in text else "0") and "::-1" not in text


def removes_directory(run: Run) -> bool:
    """Return whether the script deletes its output directory before it looks for checkpoints there."""
    mine = run.arguments.value("output_dir")
    removed = (c for c in run.calls if c.callee == "shutil.rmtree" and c.certain and run.before_training(c))
    return any(isinstance(mine, (Known, Default)) and same(plain(c.get("path", "$0")), plain(mine)) for c in removed)


def joined(value: Value, text: str) -> bool:
    """Return whether a checkpoint is named with its directory. What a comprehension filters by names nothing."""
    if any(JOINED.search(one.partition(", filtered by ")[0]) for one in (text, *texts_within(value))):
        return True
    if isinstance(value, Text):
        return any(isinstance(p, str) and "/" in p for p in value.parts) or isinstance(value.parts[0], str)
    return "listdir" not in text and "os.walk" not in text


def texts_within(value: Value, depth: int = 0) -> Iterator[str]:
    """Yield the text of each term in a value: the text of a list that is collected does not show its elements."""
    parts = value.args if isinstance(value, Term) else value.parts if isinstance(value, Unknown) else ()
    for part in parts if depth < 8 and isinstance(parts, (list, tuple)) else ():
        if isinstance(part, Term):
            yield part.text
        if isinstance(part, Value):
            yield from texts_within(part, depth + 1)


def numeric_key(value: object, depth: int = 0) -> bool:
    """Return whether an argument is a function of the script, as a sort key, that converts names to numbers."""
    if depth > 8:
        return False
    if hasattr(value, "args"):
        return any(numeric_key(a, depth + 1) for a in value.args)
    if isinstance(value, Text):
        return any(numeric_key(p, depth + 1) for p in value.parts)
    inner = getattr(value, "value", None)
    if hasattr(inner, "args"):
        return numeric_key(inner, depth + 1)
    if not isinstance(inner, Function):
        return False
    code = inner.scope.module.source.segment(inner.node)
    return re.search(r"\bint\(|\bfloat\(|re\.\w+\(|getmtime|getctime|st_mtime", code) is not None


def text_of(value: Value) -> str:
    if isinstance(value, Term):
        return value.text
    if isinstance(value, Text):
        return "".join(p if isinstance(p, str) else text_of(p) for p in value.parts)
    return str(plain(value))
