"""Arguments of a hand-written training loop: its optimizer, schedule, batch, accumulation, precision and seed."""

from __future__ import annotations

from ...training_plan.facts import Arguments, Fact
from ...training_plan.values import Absent, Known, Place, Unknown
from ..prompt.module_text import rows_listed
from ..run import Run
from . import OPTIMIZERS, given, last_of, unread
from .accumulation import accumulation
from .mixed_precision import precision
from .schedule import named, schedule


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
    if (listed := rows_listed(run)) is not None:
        return listed
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


def seed(run: Run) -> Fact:
    call = last_of(run, ("set_seed", "manual_seed", "seed_everything"))
    return Fact(call.get("seed", "$0"), at=call.place) if call is not None else unread(run, "its seed")
