"""Finds imports of names that a version does not have, and imports of Unsloth after libraries that it changes."""

from __future__ import annotations

from typing import Iterator

from ...interpret.core.recording import Recording
from ...libraries import store
from ...libraries.replacements import IMPORTS
from ...libraries.versions import is_exact, key_of
from ...training_plan.facts import Fact
from ...training_plan.values import Known, Place
from ..defaults import Replaced
from ..run import Run
from .arguments import Defect, Judging, assumed, assumed_since, defects_of, judging
from .version_guards import Guards
from .wording import short, stated

CHANGED_BY_UNSLOTH = ("trl", "transformers", "peft")
# Classes that no module of the library has any more, wherever they are imported from.
DELETED = ("DataCollatorForCompletionOnlyLM", "ConstantLengthDataset", "setup_chat_format")


def missing(recording: Recording, judging: Judging) -> Iterator[Defect]:
    """Yield the imported names that the judged versions lack and other versions have or had."""
    seen = set()
    for path, place in recording.imports:
        library, _, rest = path.partition(".")
        name = rest.rpartition(".")[2]
        having, choice = offered(library, rest), judging.versions[library]
        within = store.exported(library, f"trainer.{rest}") if not having else ()
        if not (having or within) or not choice.judged or (id(place.node), name) in seen:
            continue
        seen.add((id(place.node), name))
        since = next((v for v in store.versions(library) if having and key_of(v) > key_of(having[-1])), "")
        remedy, guess = "", assumed(choice)
        if within:
            text = (
                f"{library} never exported {name}: ImportError; {library}.trainer has it in {short(within[0])} to "
                f"{short(within[-1])}"
            )
        elif since and all(key_of(v) >= key_of(since) for v in choice.judged):
            instead = IMPORTS.get(f"{library}.{name}", "")
            remedy, guess = f"use {instead}" if instead else "", assumed_since(choice, since)
            text = f"{library} no longer has {name} since {short(since)}: ImportError; {stated(choice)}"
        elif all(key_of(v) < key_of(having[0]) for v in choice.judged):
            text = f"{library} has {name} only since {short(having[0])}: ImportError; {stated(choice)}"
        else:
            continue
        if not judging.guards.over(place, name=name):
            yield Defect("missing import", name, place, text, assumed=guess, remedy=remedy, library=library)


def refused(run: Run, library: str) -> bool:
    """Return whether a script cannot run on the version that is judged, which nobody stated exactly.

    It then runs on an older version, if on any, and what the judged one does is no proof of what the run does.
    """
    if run.versions is None or is_exact(run.versions[library].specifier):
        return False
    found = (*defects_of(run), *missing(run.recording, judging(run)))
    return any(d.library == library for d in found)


def offered(library: str, path: str) -> tuple[str, ...]:
    """Return the releases that have a name where a script imports it from, oldest first; () for an unknown name."""
    name = path.rpartition(".")[2]
    if name in DELETED and "." in path and "experimental" not in path and path != f"trainer.{name}":
        path = f"trainer.{name}" if store.exported(library, f"trainer.{name}") else name
    return store.exported(library, path)


def late(recording: Recording, judging: Judging) -> Iterator[Defect]:
    """Yield a late import of Unsloth, which cannot fully change the libraries that were imported before it."""
    before: dict[str, None] = {}
    for path, place in recording.imports:
        library = path.split(".")[0]
        if library in CHANGED_BY_UNSLOTH:
            before[library] = None
        elif library == "unsloth":
            if before and not judging.guards.over(place, name="unsloth"):
                text = (
                    f"unsloth is imported after {' and '.join(before)}: Unsloth warns and cannot apply some of its "
                    f"optimizations"
                )
                yield Defect("late import", "unsloth", place, text)
            return


def replaced(recording: Recording) -> Replaced | None:
    """Return the TRL classes that Unsloth replaces, or None if the script does not import it."""
    early: set[str] = set()
    for path, place in recording.imports:
        library = path.split(".")[0]
        if library == "unsloth":
            # where the model is certainly Unsloth's, the import went through
            sure = not Guards().over(place, name="unsloth") or any(
                c.callee.startswith("unsloth.") and c.certain for c in recording.calls
            )
            return Replaced(frozenset(early), sure)
        if library == "trl" and path != "trl":
            early.add(path)
    return None


def fact(defects: list[Defect], at: Place | None = None, why_not: str = "") -> Fact:
    """Return a list of defects as one fact with a case for each; `at` is the place to look at if there are none."""
    if why_not:
        return Fact(Known([]), at=at, why_not=why_not)
    return Fact(
        Known([d.name for d in defects]), at=defects[0].place if defects else at, cases=tuple(d.fact for d in defects)
    )
