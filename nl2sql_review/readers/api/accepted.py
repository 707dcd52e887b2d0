"""Releases that a script can run on: those that have what it imports and take what its trainer is given."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Callable, Iterator, TypeVar, cast

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.chosen import Choice
from ...libraries.replacements import REFUSED
from ...libraries.versions import allows, key_of
from ...training_plan.values import Absent, is_optional
from ..object_settings import last
from ..run import Run
from .arguments import Judging, judging
from .imports import offered, refused

BOTH = ("trl", "transformers")  # whose releases decide what a training script may say


MADE = ("Trainer", "TrainingArguments", "SFTConfig", "DPOConfig", "GRPOConfig")
T = TypeVar("T")
Kept = dict[tuple[object, ...], object]
_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextmanager
def keeping(kept: Kept) -> Iterator[None]:
    """Let each script keep the releases of its first reading: what else an edit changes is then seen in one release."""
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)


def _first(run: Run, what: str, find: Callable[[], T]) -> T:
    kept = _kept.get()
    if kept is None:
        return find()
    key = (getattr(run.source, "path", ""), run.number, what)
    if key not in kept:
        kept[key] = find()
    return cast("T", kept[key])


def accepting(run: Run, library: str = "trl") -> tuple[str, ...] | None:
    """Return the releases of a library that take a script, newest first; None if the judged one may.

    A release of TRL counts if one of transformers that it requires takes the rest, and the other way round.
    """
    return _first(run, library, lambda: _accepting(run, library))


def _accepting(run: Run, library: str) -> tuple[str, ...] | None:
    if library not in BOTH or run.versions is None or run.trainer is None:
        return None
    if not any(refused(run, one) for one in BOTH):
        return None
    judged, found = run.versions[library].judged, fitting(run).get(library)
    if found is None or judged and all(one in found for one in judged):
        return None
    return found


def fitting(run: Run) -> dict[str, tuple[str, ...]]:
    """Return the releases, newest first, that the statements allow and that take the script.

    A library is left out if the script does not use it, or no number says which release is installed.
    """
    if run.fitting is None:
        known = run.versions is not None and run.configuration is None
        run.fitting = _first(run, "all", lambda: _fitting(run) if known else {})
    return run.fitting


def possible(run: Run, library: str) -> tuple[tuple[str, ...], bool]:
    """Return the releases of a library that may be installed, newest first, and whether the judged one is none."""
    return fitting(run).get(library, ()), accepting(run, library) is not None


def installed(run: Run) -> dict[str, str]:
    """Return the releases whose defaults hold: the judged ones, or the newest that take the script if those do not."""
    found: dict[str, str] = run.versions.installed()
    for library in BOTH:
        if fits := accepting(run, library):
            found[library] = fits[0]
    return found


def _fitting(run: Run) -> dict[str, tuple[str, ...]]:
    made = judging(run)
    given = dict.fromkeys((call.callee, _names(call, made)) for call in _calls(run))
    libraries = {callee.partition(".")[0] for callee, _ in given}
    calls = tuple((callee, names) for callee, names in given if names)
    of = {library: [v for v in _allowed(made.versions[library]) if _has(run, made, library, v)] for library in BOTH}
    of["transformers"] = [v for v in of["transformers"] if _take(calls, "transformers", {"transformers": v})]
    if "trl" not in libraries and not any(path.partition(".")[0] == "trl" for path, _ in run.recording.imports):
        return {"transformers": tuple(of["transformers"])} if made.versions["transformers"].versions else {}
    pairs = [
        (one, other)
        for one in of["trl"]
        for other in of["transformers"]
        if allows(store.requires("trl", one, "transformers"), other)
        and _take(calls, "trl", {"trl": one, "transformers": other})
    ]
    return {
        library: tuple(sorted({pair[i] for pair in pairs}, key=key_of, reverse=True))
        for i, library in enumerate(BOTH)
        if made.versions[library].versions
    }


def _allowed(choice: Choice) -> list[str]:
    """Return the releases of a library that the statements allow, newest first."""
    known = choice.versions if choice.open or choice.specifier else store.versions(choice.library)
    return sorted(known, key=key_of, reverse=True)


def _calls(run: Run) -> Iterator[Call]:
    """Yield what the run makes, and what every run of the script makes besides: they share one environment."""
    own = [run.trainer, *(call for call, _ in run.arguments.makers), run.load.call]
    yield from (call for call in own if call is not None)
    for call in run.calls:
        name = last(call.callee)
        if name.endswith(MADE) and call.reached and call.certain and not call.conditional and call.instance is None:
            yield call


def _names(call: Call, made: Judging) -> tuple[str, ...]:
    """Return the names of the arguments that every run gives, in code that does not ask for the release."""
    library, name = call.callee.partition(".")[0], last(call.callee)
    if made.patched and library == "trl":
        return ()  # Unsloth's versions of these classes take old names too
    return tuple(
        one
        for one, value in call.arguments.items()
        if one[:1] != "$"
        and not isinstance(value, Absent)
        and not is_optional(value)
        and not (made.patched and one == "tokenizer")
        and not made.guards.over(call.place, value, name)
        and not made.guards.asked(call.place.source, name)
    )


def _has(run: Run, made: Judging, library: str, version: str) -> bool:
    """Return whether a release has every name that the script imports from the library."""
    for path, place in run.recording.imports:
        of, _, rest = path.partition(".")
        if of == library and rest and version not in (having := offered(library, rest)) and having:
            if not made.guards.over(place, name=rest.rpartition(".")[2]):
                return False
    return True


def _take(calls: tuple[tuple[str, tuple[str, ...]], ...], library: str, releases: dict[str, str]) -> bool:
    """Return whether a library's callables take the arguments of these names; one that is not known may take them."""
    for callee, names in calls:
        of, _, callable = callee.partition(".")
        if of != library:
            continue
        if last(callable) == "from_pretrained":
            if any(not _before(name, releases) for name in names):
                return False
            continue
        if library == "trl" and store.knows(library, last(callable)):
            if store.signature(library, last(callable), releases["trl"]) is None:
                return False
        signature = store.whole(library, last(callable), releases)
        if signature is not None and not all(signature.accepts(name) for name in names):
            return False
    return True


def _before(name: str, releases: dict[str, str]) -> bool:
    library, since, _ = REFUSED["from_pretrained"].get(name, ("", "", ""))
    return library not in releases or key_of(releases[library]) < key_of(since)
