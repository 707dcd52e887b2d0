"""Mixed precision of a hand-written training loop: by its Accelerator, else by autocast around its forward pass."""

from __future__ import annotations

import re
from functools import reduce

from ...interpret.core.recording import Call
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Unknown, Value, join
from ..derive import derive, plain
from ..object_settings import last
from ..precision import CUDA, PROBE, PROBED, SAYS_YES, before_emulation, emulating, of_flags
from ..run import Run
from . import last_of
from .turn import alone

PRECISIONS = {"no": "none", "bf16": "bf16", "fp16": "fp16"}
DTYPES = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16"}
OF_PYTORCH = ("torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast")
OF_MODULES = "torch.nn.Module calls forward()"  # the condition of calls that a module of the script makes
# A test that asks for the kind of device alone: `DEVICE == "xpu"`
ASKS_DEVICE = re.compile(r"[\w.]+(?:\(\))? (?:==|!=) [\"'](?:cuda|xpu|cpu|mps|npu|hpu|tpu|xla)[\"']")


def precision(run: Run) -> Fact:
    """Return the precision by Accelerator, else by autocast; a loop without either trains in the model's dtype."""
    accelerator = last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(value := accelerator.get("mixed_precision"), Absent):
        made = derive(lambda name: PRECISIONS.get(name, name) if isinstance(name, str) else name, value)
        at = accelerator.places.get("mixed_precision", accelerator.place)
        if isinstance(made, Either) and asks_gpu(made):
            return by_gpu(run, made, at)
        return Fact(made, at=at, note="by the Accelerator")
    launch = run.recording.launch
    if accelerator is not None and launch is not None and launch.precision is not None:
        return Fact(launch.precision, at=accelerator.place, note=f"in {', '.join(launch.files)}")
    if casts := around_training(run):
        return by_autocast(run, casts)
    why = (
        "neither an Accelerator nor autocast sets a precision, and the dtype of the weights is not evaluated in a loop"
    )
    return Fact(Unknown(why), at=run.place)


def asks_gpu(made: Value) -> bool:
    """Return whether a value is chosen by whether the GPU supports bfloat16, or by whether there is one."""
    if not isinstance(made, Either):
        return False
    return PROBE.search(made.condition) is not None or CUDA.fullmatch(made.condition) is not None


def by_gpu(run: Run, made: Either, at: Place) -> Fact:
    """Return a precision that is chosen by whether the GPU supports bfloat16, as two flags would choose it."""
    if len(made.options) != 2:
        return Fact(Unknown("which precision the script chooses is known only at run time", made.trace), at=at)
    bf16, fp16 = (Fact(derive(lambda name, kind=kind: name == kind, made), at=at) for kind in ("bf16", "fp16"))
    emulated = not before_emulation(run)
    fact = of_flags(bf16, fp16, emulated)
    if plain(fact.value) == "bf16" and emulated and (probe := emulating(made)):
        return Fact(derive(lambda _: PROBED, fact.value), at=at, note=SAYS_YES.format(probe=probe))
    return fact


def around_training(run: Run) -> list[Call]:
    """Return the calls of autocast in the loop that trains and in its modules' forward(); if there is none, the first.

    One that a plain run does not reach, because an option makes it leave the function before, does not count.
    """
    casts = [c for c in run.calls if last(c.callee) == "autocast" and not c.left]
    turns = {c.turns for c in run.backward if c.turns}
    around = [c for c in casts if c.turns in turns and c.order < run.backward[-1].order or OF_MODULES in c.conditions]
    around = [*{id(c.place.node): c for c in reversed(around)}.values()][::-1]
    return [c for c in around if plain(c.get("enabled")) is not False] or around[:1] or casts[:1]


def by_autocast(run: Run, casts: list[Call]) -> Fact:
    """Return the precision of these calls, of which one or several are around the forward pass."""
    made, at = [where_enabled(run, cast) for cast in casts], casts[0].place
    if unknown := next((one for one in made if isinstance(one, Unknown)), None):
        return Fact(unknown, at=at)
    whole = reduce(join, made)
    if not any(map(asks_gpu, made)):
        return Fact(whole, at=at, note="by autocast")
    if len(casts) > 1 or not isinstance(whole, Either) or sometimes(run, casts[0]):
        return Fact(Unknown("whether autocast is around the forward pass is known only at run time"), at=at)
    return by_gpu(run, whole, at)


def sometimes(run: Run, cast: Call) -> bool:
    """Return whether something decides whether the code that trains calls autocast, beside whether there is a GPU."""
    given = [OF_MODULES, *run.backward[0].conditions]
    return any(why not in given and CUDA.fullmatch(why) is None for why in cast.conditions)


def of_dtype(run: Run, cast: Call) -> Value:
    """Return the precision by the dtype of autocast; on CUDA it is float16 if none is given."""
    why = Unknown("the dtype of autocast is unknown")
    dtype = cast.get("dtype", "$1")
    if isinstance(dtype, Absent):
        on_cuda = plain(cast.get("device_type", "$0")) == "cuda" or cast.callee == OF_PYTORCH[-1]
        return Known("fp16", (cast.place,)) if on_cuda and cast.callee in OF_PYTORCH else why
    made = derive(lambda one: DTYPES.get(last(one.text), why) if isinstance(one, Term) else why, dtype, terms=True)
    if isinstance(made, Either) and not asks_gpu(made) and not by_device(run, made):
        return why
    return why if isinstance(made, Unknown) else made


def by_device(run: Run, value: Either) -> bool:
    """Return whether a choice depends on the kind of device alone: `torch.bfloat16 if device == "xpu" else …`."""
    import libcst as cst

    from ...source.syntax import walk

    tests = [
        place.source.segment(node.test)
        for place in value.trace
        if isinstance(place.node, cst.CSTNode)
        for node in walk(place.node)
        if isinstance(node, cst.IfExp)
    ]
    return bool(tests) and not run.mentions(PROBE) and all(map(ASKS_DEVICE.fullmatch, tests))


def where_enabled(run: Run, cast: Call) -> Value:
    """Return the precision of autocast by its switch; a GPU is taken for granted."""
    kind, enabled = of_dtype(run, cast), cast.get("enabled")
    backward = alone(run.backward) or run.backward[0]
    if by := next((option for option in cast.assumed if option not in backward.assumed), ""):
        kind = derive(lambda name: Default(name, by), kind)
    if isinstance(enabled, Absent) or isinstance(enabled, Term) and CUDA.fullmatch(enabled.text):
        return kind
    if isinstance(made := derive(bool, enabled), Unknown):
        return Unknown("whether autocast is enabled is known only at run time")
    return derive(lambda on, name: name if on else "none", made, kind)
