"""Hand-written training loop: optimizer, schedule, batch, accumulation and precision, read from its calls.

The code of a loop between its calls is not read. So a setting in no call is unknown here, and never "does not
apply".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..interpret.core.recording import Call
from ..training_plan.facts import Arguments, Fact
from ..training_plan.values import Absent, Default, Known, Place, Term, Trace, Unknown, Value
from .derive import derive, plain
from .object_settings import last
from .precision import CUDA
from .run import Run
from .spelling import spelt
from .untrained import FORWARD, losses, takes_model_loss, trains_nothing

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
    if call.conditional and not call.certain and not on_every_branch(run, call):
        why = f"which schedule the loop uses depends on {call.condition}"
        part.scheduler = Fact(Unknown(why, (call.place,)), at=part.scheduler.at)
    warm, total = ("$2", "$3") if by_name else ("$1", "$2")
    part.warmup_steps = given(run, call, "the warm-up", "num_warmup_steps", warm)
    part.warmup_ratio = Fact(Absent("a number of steps is set"), at=call.place)
    part.max_steps = given(run, call, "the number of steps", "num_training_steps", "T_max", "total_steps", total)
    if (ratio := share(run, part.warmup_steps.value, part.max_steps.value)) is not None:
        part.warmup_ratio = Fact(ratio, at=part.warmup_steps.at)
        part.warmup_steps = Fact(Absent("the warm-up is a share of all steps"), at=call.place)


def on_every_branch(run: Run, call: Call) -> bool:
    """Return whether a schedule is made in several branches, and each of them makes the same one."""
    made = [c for c in run.calls if last(c.callee) in (*SCHEDULES, *NAMED) and "(" not in c.callee]
    return len(made) > 1 and {last(c.callee) for c in made} == {last(call.callee)} and last(call.callee) not in NAMED


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
    divided = by_division(run)
    if divided is not None:
        return divided
    if any("accum" in text.lower() or any(map(counts_batches, text.split("\n"))) for text in texts(run)):
        return unread(run, "over how many batches it accumulates")
    if accelerator is None:
        return Fact(Known(1), at=run.place, note="every batch is a step")
    note = "library default: Accelerator.gradient_accumulation_steps"
    return Fact(Known(1, (Place(accelerator.place.source, accelerator.place.node, note),)), at=accelerator.place)


def by_division(run: Run) -> Fact | None:
    """Return the n of `(loss / n).backward()`, if the optimizer steps where `(i + 1) % n == 0` with the same n."""
    backward = run.backward
    divisors = [divisor(thing) for c in backward for thing in losses(c)]
    values = {plain(value) if value is not None else None for value in divisors}
    optimizers = {id(c.result) for c in run.calls if last(c.callee) in OPTIMIZERS and "(" not in c.callee}
    steps = [c for c in run.calls if last(c.callee) == "step" and id(c.receiver) in optimizers]
    number = next(iter(values)) if len(values) == 1 else None
    if type(number) is not int or number < 1 or not steps or divisors[0] is None:
        return None
    if not all(re.fullmatch(rf"\(?\(?\w+(?: \+ 1)?\)? % {number}\)? == 0", c.condition) for c in steps):
        return None
    value = divisors[0]
    made = with_default(run, number, value.trace)
    return Fact(
        made, at=backward[0].place, note="the loss is divided by this number, and a step follows after as many batches"
    )


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


def divisor(loss: Any) -> Value | None:
    """Return the number that a loss is divided by."""
    operation, args, text = (getattr(loss, name, None) for name in ("operation", "args", "text"))
    if operation != "op" or not isinstance(args, tuple) or len(args) != 2 or not isinstance(text, str):
        return None
    found: Value = args[1]
    return found if text.endswith(f" / {plain(found)}") else None


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
            return Fact(where_enabled(cast, kind), at=cast.place, note="by autocast")
        return Fact(Unknown("the dtype of autocast is unknown"), at=cast.place)
    why = (
        "neither an Accelerator nor autocast sets a precision, and the dtype of the weights is not evaluated in a loop"
    )
    return Fact(Unknown(why), at=run.place)


def where_enabled(cast: Call, kind: str) -> Value:
    """Return the precision of autocast by its switch; a GPU is taken for granted."""
    enabled = cast.get("enabled")
    if isinstance(enabled, Absent) or isinstance(enabled, Term) and CUDA.fullmatch(enabled.text):
        return Known(kind, (cast.place,))
    made = derive(lambda on: kind if on else "none", enabled)
    return Unknown("whether autocast is enabled is known only at run time") if isinstance(made, Unknown) else made


def seed(run: Run) -> Fact:
    call = last_of(run, ("set_seed", "manual_seed", "seed_everything"))
    return Fact(call.get("seed", "$0"), at=call.place) if call is not None else unread(run, "its seed")
