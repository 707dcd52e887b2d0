"""Hand-written training loop: optimizer, schedule, batch, accumulation and precision, read from its calls.

The code of a loop between its calls is not read. So a setting in no call is unknown here, and never "does not
apply".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..interpret.core.objects import Opaque
from ..interpret.core.recording import Call, Condition
from ..training_plan.facts import Arguments, Fact
from ..training_plan.values import Absent, Default, Known, Place, Term, Trace, Unknown, Value
from .derive import derive, plain
from .object_settings import last
from .run import Run
from .spelling import spelt
from .untrained import FORWARD, takes_model_loss, trains_nothing

if TYPE_CHECKING:
    import libcst as cst

OPTIMIZERS = (
    *("AdamW", "Adam", "SGD", "Adafactor", "Lion", "RMSprop", "NAdam", "RAdam", "Adagrad"),
    *("AdamW8bit", "Adam8bit", "PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit", "PagedLion8bit", "Lion8bit"),
    *("FusedAdam", "DeepSpeedCPUAdam"),
)
SCHEDULES = {
    "get_cosine_schedule_with_warmup": "cosine",
    "get_cosine_with_hard_restarts_schedule_with_warmup": "cosine_with_restarts",
    "get_linear_schedule_with_warmup": "linear",
    "get_constant_schedule_with_warmup": "constant_with_warmup",
    "get_constant_schedule": "constant",
    "get_polynomial_decay_schedule_with_warmup": "polynomial",
    "CosineAnnealingLR": "cosine",
    "CosineAnnealingWarmRestarts": "cosine_with_restarts",
    "LinearLR": "linear",
    "StepLR": "step",
    "ExponentialLR": "exponential",
    "OneCycleLR": "one cycle",
}
NAMED = ("get_scheduler",)
PRECISIONS = {"no": "none", "bf16": "bf16", "fp16": "fp16"}


OF_IDS = re.compile(r"^[^\n]*(?:\[['\"]input_ids['\"]\]|\.input_ids)(?:\.clone\(\)|\.detach\(\))*(?= |$)")
# A statement that gives labels a value, other than moving those of the batch to a device.
CHANGES_LABELS = re.compile(
    r"(?m)^[^=\n(]{0,80}labels[^=\n(]{0,80}=(?!=)"
    r"(?!\s{0,9}\w{1,60}\[[\"']labels[\"']\](?:\.(?:to|cuda)\(.{0,100}\))?\s{0,9}$).{0,200}(?<!,)$"
    r"|-100|masked_fill|where\("
)
# `(i + 1) % 4 == 0`, also where the last turn counts: `… or i == len(loader) - 1`
EVERY_NTH = re.compile(
    r"\(*i(?: \+ 1)?\)* % (\d+)\)* == 0\)*(?: or \(*i(?: \+ 1)?\)* == \(*(?:len\((?:(?! or ).)*|\d+)\)*)?"
)
FAILED = re.compile(r"\bis(?:nan|inf|finite)\b|an exception that")  # conditions of a turn whose loss is given up
COUNTER = re.compile(r"(\w+)(?: *\+ *1)?\)* *%[^%]*==")
# What may change the rate of an optimizer: `for group in optimizer.param_groups: group["lr"] = …`
CHANGES_RATE = re.compile(r"(?i)schedul\w{0,30}\s?[(.=]|param_groups|_lr\s?\(|[\"']lr[\"']\]\s?=")


def trains(run: Run) -> bool:
    """Return whether the script trains in a loop of its own."""
    if run.trainer is not None or run.arguments or run.arguments.unknown or run.configuration is not None:
        return False
    return bool(run.backward) and not trains_nothing(run)


def read(run: Run, part: Arguments) -> None:
    """Fill the arguments section of such a loop; the processes are set already."""
    optimizer = last_of(run, OPTIMIZERS)
    part.optimizer = named(optimizer, lambda name: name) if optimizer else unread(run, "which optimizer")
    part.learning_rate = given(run, optimizer, "the learning rate", "lr", "learning_rate", "$1")
    part.weight_decay = given(run, optimizer, "the weight decay", "weight_decay")
    schedule(run, part)
    part.per_device_batch_size = batch(run)
    part.gradient_accumulation = accumulation(run)
    part.mixed_precision = precision(run)
    part.seed = seed(run)
    for name in ("fp16", "bf16", "epochs"):
        setattr(part, name, unread(run, f"what it does about {name}"))


def unread(run: Run, what: str, at: Place | None = None) -> Fact:
    return Fact(Unknown(f"{what} is not evaluated in a custom training loop"), at=at or run.place)


def last_of(run: Run, names: tuple[str, ...]) -> Call | None:
    """Return the last call of one of these names, not counting methods of an object that one of them made."""
    made = [c for c in run.calls if last(c.callee) in names and "(" not in c.callee]
    return made[-1] if made else None


def given(run: Run, call: Call | None, what: str, *names: str) -> Fact:
    if call is None:
        return unread(run, what)
    name = next((n for n in names if n in call.arguments), "")
    if not name:
        if call.unknown_arguments:
            return Fact(Unknown(f"{what} may be given: {call.unknown_arguments}"), at=call.place)
        return Fact(
            Unknown(f"{what} is left to the default of {last(call.callee)}, or set per parameter group"), at=call.place
        )
    return Fact(call.arguments[name], at=call.places.get(name, call.place), argument="" if name[0] == "$" else name)


def texts(run: Run) -> list[str]:
    """Return the text of the script and of the files of its `backward` calls."""
    sources = [run.source, *(c.place.source for c in run.backward)]
    return [getattr(source, "text", "") or "" for source in dict.fromkeys(sources)]


def labels_of_ids(run: Run) -> Call | None:
    """Return the call of the model, if it is given the ids themselves as labels wherever it is called to train."""
    forward = [c for c in run.calls if c.callee == FORWARD]
    given = [spelt(c.arguments.get("labels", Absent())) for c in forward]
    if forward and takes_model_loss(run) and all(OF_IDS.search(text) for text in given):
        return forward[-1]
    return None


def batches_changed(run: Run) -> str:
    """Return why a loop may train on other labels than its batches have, or on a loss of its own; "" if neither."""
    forward = [c for c in run.calls if c.callee == FORWARD]
    if not forward or not takes_model_loss(run):
        return "it is unknown whether the loop trains on the model's own loss"
    if any("labels" in c.arguments and "labels" not in spelt(c.arguments["labels"]) for c in forward):
        return "the loop makes the labels itself"
    for call in run.backward:
        around = enclosing_loops(call)
        if not around or CHANGES_LABELS.search(call.place.source.segment(around[0])):
            return "it is unknown whether the loop changes the labels of a batch"
    return ""


def enclosing_loops(call: Call) -> list[cst.CSTNode]:
    """Return the loops around a call in its own function, the outermost first."""
    import libcst as cst

    found: list[cst.CSTNode] = []
    for node in call.place.source.nodes.path(call.place.node):
        if isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            found = []
        elif isinstance(node, (cst.For, cst.While)):
            found.append(node)
    return found


def named(call: Call, name: Callable[[str], str]) -> Fact:
    return Fact(Known(name(last(call.callee)), (call.place,)), at=call.place)


def schedule(run: Run, part: Arguments) -> None:
    """Fill in the schedule, its warm-up and its steps; a loop without one keeps the learning rate constant."""
    call = last_of(run, (*SCHEDULES, *NAMED))
    if call is None:
        part.max_steps = unread(run, "how many steps it takes")
        if any(CHANGES_RATE.search(text) for text in texts(run)):
            part.scheduler = unread(run, "its schedule")
            part.warmup_steps = part.warmup_ratio = unread(run, "whether the rate warms up")
            return
        note = "the loop creates no schedule: the learning rate stays constant"
        trace = (run.place,) if run.place else ()
        part.scheduler = Fact(Known("constant", trace), at=run.place, note=note)
        part.warmup_steps = Fact(Known(0, trace), at=run.place, note=note)
        part.warmup_ratio = Fact(Absent(note), at=run.place)
        return
    by_name = last(call.callee) in NAMED
    if by_name:
        value = call.get("name", "$0")
        part.scheduler = Fact(value, at=call.places.get("name", call.place))
    else:
        part.scheduler = named(call, lambda name: SCHEDULES[name])
    warm, total = ("$2", "$3") if by_name else ("$1", "$2")
    part.warmup_steps = given(run, call, "the warm-up", "num_warmup_steps", warm)
    part.warmup_ratio = Fact(Absent("a number of steps is set"), at=call.place)
    part.max_steps = given(run, call, "the number of steps", "num_training_steps", "T_max", "total_steps", total)
    if (ratio := share(run, part.warmup_steps.value, part.max_steps.value)) is not None:
        part.warmup_ratio = Fact(ratio, at=part.warmup_steps.at)
        part.warmup_steps = Fact(Absent("the warm-up is a share of all steps"), at=call.place)


def share(run: Run, warm: Value, total: Value) -> Value | None:
    """Return the r of a warm-up of `int(total * r)` steps, or None if it is no share of all steps."""
    rounded = isinstance(warm, Term) and re.match(r"(?:int|round|math\.ceil|math\.floor)\(", warm.text) is not None
    product = warm.args[0] if isinstance(warm, Term) and rounded and len(warm.args) == 1 else warm
    if not isinstance(product, Term) or product.operation != "op" or not isinstance(total, Term):
        return None
    left, right = product.args
    for whole, ratio in ((left, right), (right, left)):
        number = plain(ratio)
        if isinstance(whole, Term) and whole.text == total.text and isinstance(number, (int, float)) and number > 0:
            if product.text.endswith(f" * {number}") or product.text.startswith(f"{number} * "):
                return with_default(run, number, ratio.trace)
            if product.text.endswith((f" / {number}", f" // {number}")):
                return with_default(run, 1 / number, ratio.trace)
    return None


def batch(run: Run) -> Fact:
    call = run.loader
    if call is None:
        return unread(run, "its batch size")
    value = call.get("batch_size", "$1")
    if isinstance(value, Absent):
        if "batch_sampler" in call.arguments or call.unknown_arguments:
            return Fact(Unknown("the data loader's sampler makes the batches"), at=call.place)
        note = "library default: DataLoader.batch_size"
        value = Known(1, (Place(call.place.source, call.place.node, note),))
    return Fact(value, at=call.places.get("batch_size", call.place), argument="batch_size")


def counts_batches(line: str) -> bool:
    """Return whether a line selects every nth batch: `if step % n == 0:`."""
    zero = re.search(r"==[ \t]*0", line.partition("%")[2])
    return zero is not None and ":" in zero.string[zero.end() :]


def accumulation(run: Run) -> Fact:
    accelerator = last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(value := accelerator.get("gradient_accumulation_steps"), Absent):
        at = accelerator.places.get("gradient_accumulation_steps", accelerator.place)
        return Fact(value, at=at, argument="gradient_accumulation_steps")
    if any("gradient_accumulation_plugin" in c.arguments for c in run.calls):
        return unread(run, "its accumulation")
    tested = by_test(run)
    if tested is not None:
        return tested
    counted = any("%" in condition for c in steps_of(run) for condition in c.conditions)
    if counted or any("accum" in t.lower() or any(map(counts_batches, t.split("\n"))) for t in texts(run)):
        return unread(run, "over how many batches it accumulates")
    if accelerator is None:
        return Fact(Known(1), at=run.place, note="every batch is a step")
    note = "library default: Accelerator.gradient_accumulation_steps"
    return Fact(Known(1, (Place(accelerator.place.source, accelerator.place.node, note),)), at=accelerator.place)


def steps_of(run: Run) -> list[Call]:
    """Return the calls that step the optimizer: `optimizer.step()`, `scaler.step(optimizer)`."""
    made = [
        c.result for c in run.calls if last(c.callee) in OPTIMIZERS and "(" not in c.callee and c.result is not None
    ]
    named = {one.text for one in made}
    steps = [c for c in run.calls if last(c.callee) == "step"]
    return [
        c
        for c in steps
        if any(c.receiver is one for one in made)
        or any(isinstance(value, Term) and value.text in named for value in c.arguments.values())
    ]


def by_test(run: Run) -> Fact | None:
    """Return the n of the test `(i + 1) % n == 0`, if the loop steps and clears its optimizer only where it holds."""
    around = {innermost(c) for c in run.backward}
    loop = around.pop() if len(around) == 1 else None
    steps = [c for c in steps_of(run) if innermost(c) is loop]
    clears = [c for c in run.calls if last(c.callee) == "zero_grad" and innermost(c) is loop]
    cleared = [c for c in clears if not any(FAILED.search(condition) for condition in c.conditions)]
    if loop is None or not steps or not cleared or not tests_turn(run.backward[0], loop):
        return None
    found = [next((one for one in c.conditions if every_nth(one)), None) for c in (*steps, *cleared)]
    numbers = {every_nth(one) for one in found if one is not None}
    if None in found or len(numbers) != 1:
        return None
    trace, number = (run.backward[0].place,), numbers.pop()
    by = next(filter(None, (overriding(one.test) for one in found if isinstance(one, Condition))), "")
    value = Default(number, by, trace) if by else Known(number, trace)
    at = next((c.place for c in steps if c.place.source is trace[0].source), steps[0].place)
    return Fact(value, at=at, note="the optimizer steps after as many batches")


def overriding(value: Value) -> str:
    """Return what may override a value of which a term is made, or ""."""
    if isinstance(value, Default):
        return value.overridden_by
    made = value.value if isinstance(value, Known) else None
    return next(filter(None, map(overriding, made.args)), "") if isinstance(made, Opaque) else ""


def innermost(call: Call) -> cst.CSTNode | None:
    """Return the innermost loop that runs a call, if any."""
    return call.turns[-1].loop if call.turns else None


def every_nth(condition: str) -> int | None:
    """Return the n of a test that is true after every n turns of a loop, and perhaps after its last one."""
    found = EVERY_NTH.fullmatch(condition) if isinstance(condition, Condition) and condition.holds else None
    return int(found[1]) if found is not None and int(found[1]) > 0 else None


def tests_turn(backward: Call, loop: cst.CSTNode) -> bool:
    """Return whether a loop tests the variable that counts its turns so, and not that of a loop around it."""
    import libcst as cst

    from ..source.syntax import walk

    source, outer = backward.place.source, [one for one in enclosing_loops(backward) if one is not loop]
    mine, others = targets([loop]), targets(outer)
    tests = [source.segment(n.test) for n in walk(loop) if isinstance(n, cst.If)]
    names = {name for test in tests for name in COUNTER.findall(test)}
    return bool(names & mine) and not names & others - mine


def targets(loops: list[cst.CSTNode]) -> set[str]:
    """Return the names of the variables that loops set in each of their turns."""
    import libcst as cst

    from ..source.syntax import walk

    found = [n for loop in loops if isinstance(loop, cst.For) for n in walk(loop.target)]
    return {n.value for n in found if isinstance(n, cst.Name)}


def with_default(run: Run, number: float, trace: Trace) -> Value:
    """Return a number taken from an expression, as a Default if it comes from an option or the environment.

    The arithmetic itself loses that.
    """
    import libcst as cst

    said = next((step.node for step in trace if isinstance(step.node, cst.Call)), None)
    if said is None:
        return Known(number, trace)
    option = next((name for name, place in run.recording.options.items() if place.node is said), "the environment")
    return Default(number, option, trace)


def precision(run: Run) -> Fact:
    """Return the precision by Accelerator, else by autocast; a loop without either trains in the model's dtype."""
    accelerator = last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(value := accelerator.get("mixed_precision"), Absent):
        made = derive(lambda name: PRECISIONS.get(name, name) if isinstance(name, str) else name, value)
        return Fact(made, at=accelerator.places.get("mixed_precision", accelerator.place), note="by the Accelerator")
    launch = run.recording.launch
    if accelerator is not None and launch is not None and launch.precision is not None:
        return Fact(launch.precision, at=accelerator.place, note=f"in {', '.join(launch.files)}")
    cast = next((c for c in run.calls if last(c.callee) == "autocast"), None)
    if cast is not None:
        dtype: Value = cast.get("dtype")
        said = dtype.text if isinstance(dtype, Term) else ""
        kind = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16"}.get(last(said), "")
        if kind:
            return Fact(Known(kind, (cast.place,)), at=cast.place, note="by autocast")
        return Fact(Unknown("the dtype of autocast is unknown"), at=cast.place)
    why = (
        "neither an Accelerator nor autocast sets a precision, and the dtype of the weights is not evaluated in a loop"
    )
    return Fact(Unknown(why), at=run.place)


def seed(run: Run) -> Fact:
    call = last_of(run, ("set_seed", "manual_seed", "seed_everything"))
    return Fact(call.get("seed", "$0"), at=call.place) if call is not None else unread(run, "its seed")
