"""Arguments of a hand-written training loop: its optimizer, schedule, batch, accumulation, precision and seed."""

from __future__ import annotations

from ...interpret.core.recording import Call
from ...training_plan.facts import Arguments, Fact
from ...training_plan.values import Absent, Either, Known, Place, Term, Unknown, Value
from ..derive import derive, plain
from ..object_settings import last
from ..precision import CUDA, PROBE, PROBED, SAYS_YES, emulating, of_flags
from ..run import Run
from . import OPTIMIZERS, given, last_of, unread
from .accumulation import accumulation
from .schedule import named, schedule

PRECISIONS = {"no": "none", "bf16": "bf16", "fp16": "fp16"}


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


def precision(run: Run) -> Fact:
    """Return the precision by Accelerator, else by autocast; a loop without either trains in the model's dtype."""
    accelerator = last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(value := accelerator.get("mixed_precision"), Absent):
        made = derive(lambda name: PRECISIONS.get(name, name) if isinstance(name, str) else name, value)
        at = accelerator.places.get("mixed_precision", accelerator.place)
        if isinstance(made, Either) and (PROBE.search(made.condition) or CUDA.fullmatch(made.condition)):
            return by_gpu(made, at)
        return Fact(made, at=at, note="by the Accelerator")
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


def by_gpu(made: Either, at: Place) -> Fact:
    """Return a precision that is chosen by whether the GPU supports bfloat16, as two flags would choose it."""
    if len(made.options) != 2:
        return Fact(Unknown("which precision the script chooses is known only at run time", made.trace), at=at)
    bf16, fp16 = (Fact(derive(lambda name, kind=kind: name == kind, made), at=at) for kind in ("bf16", "fp16"))
    fact = of_flags(bf16, fp16, emulated=True)
    if plain(fact.value) == "bf16" and (probe := emulating(made)):
        return Fact(derive(lambda _: PROBED, fact.value), at=at, note=SAYS_YES.format(probe=probe))
    return fact


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
