"""Versions of the libraries by which a script is judged.

Statements count in this order: settings, the script's own install lines or metadata, the project's files, the
script's comments. A
library that nothing states has its newest known version, reported as an assumption. If other libraries are
held back to older versions, its version is left open, and a claim must hold for all versions that work with
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Callable, Container, Iterable

from . import declared, requirements, store
from .declared import LIBRARIES, UNREADABLE, Statement
from .store import BESIDE, TOGETHER
from .versions import allows, between, clauses, is_bounded, is_exact, key_of

if TYPE_CHECKING:
    from ..source import Source
    from ..training_plan.stated import ProjectSettings


RESTING = ("trl", "transformers", "peft")  # which an old pin of a library beside them holds back


@dataclass(frozen=True)
class Choice:
    """Versions of one library. If `open`, all are judged alike; otherwise the newest is the one that gets installed."""

    library: str
    versions: tuple[str, ...]  # known ones, oldest first; empty when none is known to apply
    said: str = ""  # where it is stated; "" for an assumption
    specifier: str = ""
    open: bool = False
    nearest: str = ""  # the known version that stands for a stated one that is older or newer than all known
    held_by: str = ""  # the library that does not go with the newest version that is stated, as it is required

    @property
    def judged(self) -> tuple[str, ...]:
        """The versions that must all agree for a claim."""
        return self.versions if self.open else self.versions[-1:]

    @property
    def number(self) -> str:
        """Version number as text: `0.12.0`, `0.12.0 to 0.19.0`, or `not known`."""
        if is_exact(self.specifier):
            return next(v for op, v in clauses(self.specifier) or () if op in ("==", "==="))
        if not self.versions:
            return self.specifier if self.nearest and self.specifier != UNREADABLE else "not known"
        low, high = self.versions[0], self.versions[-1]
        return high if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class Versions:
    choices: dict[str, Choice] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # that were read to find them

    def __getitem__(self, library: str) -> Choice:
        return self.choices.get(library) or Choice(library, ())

    def installed(self) -> dict[str, str]:
        """Return the newest version of each library that may be installed, or the nearest known version."""
        return {
            c.library: c.versions[-1] if c.versions else c.nearest
            for c in self.choices.values()
            if c.versions or c.nearest
        }

    def beyond(self, used: Container[str]) -> tuple[str, ...]:
        """Return a sentence for each library in use whose stated version is older or newer than the tables."""
        return tuple(_beyond(c) for c in self.choices.values() if c.nearest and c.library in used)

    def all(self, holds: Callable[[dict[str, str]], bool | None], *libraries: str) -> bool:
        """Return whether something holds for every combination that is judged; False if nothing is known."""
        choices = [self[library] for library in libraries]
        if not all(c.judged for c in choices):
            return False
        rest = self.installed()
        return all(holds({**rest, **dict(zip(libraries, one))}) for one in product(*(c.judged for c in choices)))

    def any(self, holds: Callable[[dict[str, str]], bool | None], *libraries: str) -> bool:
        """Return whether something holds for some combination of versions that the statements allow."""
        choices = [self[library] for library in libraries]
        rest = self.installed()
        return any(holds({**rest, **dict(zip(libraries, one))}) for one in product(*(c.versions for c in choices)))


def choose(statements: Iterable[Statement], unsloth: bool = False, files: Iterable[str] = ()) -> Versions:
    """Return the versions for statements, of which each library's first counts; `unsloth`: the script imports it."""
    return Versions(dict(_choices(tuple(statements), unsloth)), tuple(files))


@lru_cache(maxsize=256)
def _choices(statements: tuple[Statement, ...], unsloth: bool) -> dict[str, Choice]:
    stated: dict[str, Statement] = {}
    for one in statements:
        before = stated.get(one.library)
        if before is None or not before.specifier and not before.newest:
            stated[one.library] = one
    choices: dict[str, Choice] = {}
    for library, one in stated.items():
        if one.specifier:
            choices[library] = _stated(one)
    held_back = any(
        c.versions and c.versions[-1] != store.newest(c.library) and is_bounded(c.specifier) or not c.versions
        for c in choices.values()
        if c.library in TOGETHER
    ) or any(
        is_bounded(c.specifier) and not all(_accepts(one, store.newest(one), c) for one in RESTING)
        for c in choices.values()
        if c.library in BESIDE
    )
    for library in ("unsloth", "unsloth_zoo", "trl", "transformers", "peft"):  # each may hold back those after it
        choice = choices.get(library)
        if choice is not None and (is_bounded(choice.specifier) or not choice.versions):
            continue
        if library.startswith("unsloth") and not unsloth and library not in stated:
            continue
        candidates = choice.versions if choice else store.versions(library)
        compatible = tuple(v for v in candidates if _goes_with(library, v, choices)) or candidates
        if choice is not None:  # an older release of another library, which its range allows, may go with an older one
            newest = key_of(compatible[-1])
            compatible = tuple(
                v for v in candidates if key_of(v) <= newest and _goes_with(library, v, choices, of_range=True)
            )
        said, specifier = (choice.said, choice.specifier) if choice else ("", "")
        if not choice and library in stated and not held_back:
            said = stated[library].said  # named without a number: what gets installed is the newest
        if not choice and not held_back:
            compatible = compatible[-1:]
        held_by = _holder(library, candidates[-1:], compatible, choices)
        choices[library] = Choice(library, compatible, said, specifier, open=held_back, held_by=held_by)
    if held_back and not choices["trl"].said:  # releases that require what the others found hold back
        trl, others = choices["trl"], choices["transformers"].versions
        fit = [
            v
            for v in trl.versions
            if not others or any(allows(store.requires("trl", v, "transformers"), o) for o in others)
        ]
        choices["trl"] = replace(trl, versions=tuple(fit) or trl.versions)
    for library in BESIDE:
        if library not in choices:
            choices[library] = _beside(library, choices, held_back)
    return choices


def _holder(library: str, newest: tuple[str, ...], fitting: tuple[str, ...], choices: dict[str, Choice]) -> str:
    """Return the requirement with which the newest version of a library does not go: `vllm>=0.3 (pyproject.toml:4)`."""
    if newest == fitting[-1:]:
        return ""
    for other in choices.values():
        if other.library != library and not all(_goes_with(library, v, {other.library: other}) for v in newest):
            return other.library + other.specifier + (f" ({other.said})" if other.said else "")
    return ""


def _beside(library: str, choices: dict[str, Choice], held_back: bool) -> Choice:
    """Return an unstated library's choice: the newest version that the others allow, or if open all of them."""
    asked = [
        one.specifier
        for choice in choices.values()
        if choice.versions
        for one in requirements.required(choice.library, choice.versions[-1])
        if one.library == library
    ]
    known = store.versions(library)
    fitting = tuple(v for v in known if all(allows(specifier, v) for specifier in asked)) or known
    return Choice(library, fitting if held_back else fitting[-1:], open=held_back)


def _stated(one: Statement) -> Choice:
    if one.specifier == UNREADABLE:
        return Choice(one.library, (), one.said, one.specifier, nearest=store.newest(one.library))
    known = store.versions(one.library)
    found = between(one.specifier, known)
    nearest = _nearest(one.specifier, found, known)
    if nearest:  # what such a release takes is not known
        return Choice(one.library, (), one.said, one.specifier, nearest=nearest)
    named = is_exact(one.specifier) and len(found) > 1  # between two known ones: what holds for both is claimed
    return Choice(one.library, found, one.said, one.specifier, named)


def _nearest(specifier: str, found: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return the known version nearest to a stated one that is older or newer than all known; "" for any other."""
    parts = clauses(specifier)
    if not known or not parts:
        return ""
    if not found:
        return known[0]
    named = [version.removesuffix(".*") for operator, version in parts if operator != "!="]
    newer = found == known[-1:] and not allows(specifier, found[0])
    return known[-1] if newer and any(key_of(version) > key_of(known[-1]) for version in named) else ""


def _beyond(choice: Choice) -> str:
    if choice.specifier == UNREADABLE:
        return (
            f"{choice.library} is installed from a repository ({choice.said}): its arguments are not judged, and its "
            f"defaults are those of {choice.nearest}, the newest known"
        )
    older = choice.nearest != store.newest(choice.library)
    return (
        f"{choice.library} {choice.number} ({choice.said}) is {'older' if older else 'newer'} than the tables know: "
        f"its arguments are not judged, and its defaults are those of {choice.nearest}, the "
        f"{'oldest' if older else 'newest'} known"
    )


def _goes_with(library: str, version: str, choices: dict[str, Choice], of_range: bool = False) -> bool:
    """Return whether a release goes with the judged ones of the other libraries; `of_range`: with any allowed one."""
    for other in choices.values():
        if other.library == library or of_range and not other.said:
            continue
        if other.versions and not any(not want or allows(want, version) for want in _asked(other, library, of_range)):
            return False
        if other.said and not _accepts(library, version, other):
            return False
    return True


def _accepts(library: str, version: str, other: Choice) -> bool:
    """Return whether what a release requires of another library meets some release that is stated of that one."""
    back = _requires(library, version, other.library)
    if not back or other.library in TOGETHER and not other.versions:
        return True
    if is_exact(other.specifier):
        return allows(back, other.number)
    return not other.versions or any(allows(back, v) for v in other.versions)


def _requires(library: str, version: str, other: str) -> str:
    if other in TOGETHER:
        return store.requires(library, version, other)
    known = [v for v in requirements.known(library) if key_of(v) <= key_of(version)]  # one that was withdrawn is not
    of_release = requirements.required(library, known[-1]) if known else ()
    return next((one.specifier for one in of_release if one.library == other), "")


def _asked(choice: Choice, library: str, of_range: bool = False) -> list[str]:
    """Return what the judged releases of one library require of another, "" for nothing; of a pin, its own release.

    `of_range`: of every release that is allowed.
    """
    if is_exact(choice.specifier):
        own = [one.specifier for one in requirements.required(choice.library, choice.number) if one.library == library]
        if own:  # the table of interfaces has few releases, that of requirements has all
            return own
    return [store.requires(choice.library, v, library) for v in (choice.versions if of_range else choice.judged)]


def of_script(
    source: Source,
    folder: str,
    root: str,
    settings: ProjectSettings | None = None,
    unsloth: bool = False,
    needs: Iterable[Statement] = (),
    installed: Iterable[Statement] = (),
) -> Versions:
    """Return the versions for one script. `settings.versions` is a mapping of library to requirement.

    `installed`: what calls of the script install. `needs`: the requirements of the program that reads a configuration,
    used if nothing else states a version.
    """
    said = getattr(settings, "versions", None) or {}
    where = getattr(settings, "sources", {}).get("versions", "settings")
    found = [
        Statement(k.replace("-", "_"), v if clauses(v) and v[:1] in "=<>!~^" else f"=={v}", where)
        for k, v in said.items()
    ]
    found += declared.installed(getattr(source, "magics", ()))
    found += declared.in_metadata(getattr(source, "text", ""))
    found += installed
    in_files, read = declared.in_project(folder, root)
    noted = declared.in_comments(getattr(source, "text", "")) if getattr(source, "kind", "") == "script" else ()
    return choose([*found, *in_files, *noted, *needs], unsloth, read)


__all__ = ["LIBRARIES", "Choice", "Versions", "choose", "of_script"]
