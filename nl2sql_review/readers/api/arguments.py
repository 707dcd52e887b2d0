"""Finds arguments that the stated versions of the libraries do not accept, and their replacements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Callable, Iterable, Iterator

from ...files.typed_data import Suggestions
from ...interpret.core.recording import Call, Recording, Repeated
from ...libraries import store
from ...libraries.chosen import Choice, Versions
from ...libraries.replacements import ARGUMENTS, MISTAKEN, REFUSED, UNSLOTH_EXTRA, Change
from ...libraries.store import owners
from ...libraries.versions import allows, is_exact, key_of
from ...training_plan.facts import IN_LOOP, Fact
from ...training_plan.values import Absent, Default, Known, Place, Trace, Value, is_optional
from ..object_settings import last, other_file
from ..run import Run
from .definitions import accepts_own, chain, gone, home, inherited
from .version_guards import Guards
from .wording import from_on, lower_end, requirement, short, stated, use

# Callables that log what they do not know, and go on.
IGNORE = ("transformers.BitsAndBytesConfig",)
REFUSES_KEYS = "0.19.0"  # the first trl whose TrlParser refuses keys of a configuration that it has no option for
ADAPTERS = ("FastLlamaModel.get_peft_model", "FastBaseModel.get_peft_model")
CONFIG_OF = {
    "SFTTrainer": "SFTConfig",
    "DPOTrainer": "DPOConfig",
    "GRPOTrainer": "GRPOConfig",
    "Trainer": "TrainingArguments",
    "Seq2SeqTrainer": "Seq2SeqTrainingArguments",
}


@dataclass(slots=True)
class Defect:
    kind: str  # "unknown", "removed", "moved", "deprecated", "missing in range"
    name: str
    place: Place | None
    sentence: str
    branch: str = ""  # what decides whether the call runs, where not every run makes it
    assumed: bool = False  # it rests on a version that nobody stated
    trace: Trace = ()  # where the value that is wrong came through, if it is one
    remedy: str = ""  # where it says more than the rule's help
    library: str = ""  # whose version refuses it, if a version does
    overridden_by: str = ""  # what may override the value that is wrong, if it is a default

    @property
    def steps(self) -> Trace:
        """The trace of the value, followed by the place of the defect."""
        if self.place is None:
            return self.trace
        return (*(step for step in self.trace if step.node is not self.place.node), self.place)

    @property
    def fact(self) -> Fact:
        named, by = [self.name], self.overridden_by
        return Fact(
            Default(named, by, self.steps) if by else Known(named, self.steps),
            at=self.place,
            argument=self.name,
            sentence=self.sentence,
            remedy=self.remedy,
            branch=self.branch,
            assumed=self.assumed,
        )


@dataclass(slots=True)
class Judging:
    """Basis for judging the arguments of a script's calls. `patched`: the script imports Unsloth."""

    versions: Versions
    patched: bool = False
    guards: Guards = field(default_factory=Guards)
    parsed: tuple[str, ...] = ()  # the classes that a parser of command lines makes
    by_trl: bool = False  # TrlParser makes them
    suggestions: Suggestions = field(default_factory=Suggestions)

    def defects(self, call: Call) -> Iterator[Defect]:
        for name, value in call.arguments.items():
            if name[:1] == "$" or isinstance(value, Absent):
                continue
            if is_optional(value):
                continue  # a branch decides whether it is given at all
            defect = self.argument(call, name)
            if defect is None:
                continue
            name_of = last(call.callee) if last(call.callee)[:1].isupper() else call.callee.split(".")[-2]
            if not self.guards.over(call.place, value, name_of) and not self.guards.asked(call.place.source, name_of):
                defect.branch = branch(call)
                if by := other_file(call, name):
                    defect.overridden_by, defect.sentence = by, f"{defect.sentence}; {by} may name another file"
                if call.callee in self.parsed and name not in call.places:
                    if self.ignores(value):
                        continue
                    defect.sentence = defect.sentence.replace("TypeError", "the parser raises ValueError")
                yield defect

    def ignores(self, value: Value) -> bool:
        """Return whether a key of a configuration is dropped in silence: by TrlParser in trl before 0.19."""
        choice = self.versions["trl"]
        in_file = any(step.source.kind == "configuration" for step in value.trace)
        return self.by_trl and in_file and all(key_of(v) < key_of(REFUSES_KEYS) for v in choice.judged or ("",))

    def argument(self, call: Call, name: str) -> Defect | None:
        place = call.places.get(name, call.place)
        library, _, callable = call.callee.partition(".")
        if last(callable) == "from_pretrained" and library == "transformers" and "Model" in callable:
            return self.refused(callable, name, place)
        if library == "unsloth":
            return self.adapter(callable, name, place)
        if call.instance is not None and not callable.endswith("Trainer") or not store.knows(library, callable):
            return None
        if call.callee in IGNORE:
            return self.ignored(library, callable, name, place)
        patched = self.patched or self.imported_beside_unsloth(call)
        if patched and library == "trl" and (name in UNSLOTH_EXTRA or name in self.family(library, callable)):
            return None
        if patched and library == "transformers" and name == "tokenizer":
            return None
        return self.judged(library, callable, name, place)

    def imported_beside_unsloth(self, call: Call) -> bool:
        """Return whether a call waits for another file to make it, in a project that requires Unsloth.

        The file that starts the run may import Unsloth first.
        """
        return not call.reached and bool(self.versions["unsloth"].said)

    def judged(self, library: str, callable: str, name: str, place: Place) -> Defect | None:
        asked = chain(library, callable)

        def rejects(installed: dict[str, str]) -> bool:
            found = store.whole(library, callable, installed)
            return found is not None and not found.accepts(name)

        if self.versions.all(rejects, *asked):
            return self.raises(library, callable, name, place)
        change = ARGUMENTS.get(f"{library}.{callable}", {}).get(name) or inherited(library, callable, name)
        owner = home(library, callable, name) or (library, callable)
        choice = self.versions[owner[0]]
        if (
            choice.said
            and not choice.open
            and lower_end(choice)
            and self.versions.any(rejects, owner[0])
            and len(choice.versions) > 1
        ):
            beside = [v for v in choice.versions if self.goes_with(library, callable, owner[0], v)]
            without = [v for v in beside if not self.versions_accept(library, callable, name, {owner[0]: v})]
            first = next((v for v in beside if v not in without), "")
            if without and first and key_of(without[0]) < key_of(first):
                text = (
                    f"{store.called(callable)} has {name}= since {owner[0]} {short(first)}; {requirement(choice)} "
                    "allows earlier versions: TypeError"
                )
                return Defect("missing in range", name, place, text, assumed=True)
        if (
            change is not None
            and change.deprecated
            and choice.judged
            and all(key_of(v) >= key_of(change.deprecated) for v in choice.judged)
        ):
            text = f"{name}= of {callable} is deprecated since {owner[0]} {short(change.deprecated)}"
            taken = [self.versions_accept(library, callable, name, {owner[0]: v}) for v in choice.judged]
            if all(taken):
                text += f"; {stated(choice)}"
            else:
                removed, newest = choice.judged[taken.index(False)], choice.judged[-1]
                text += f" and removed in {short(removed)}; "
                text += stated(choice) if is_exact(choice.specifier) else f"up to {short(newest)} may be installed"
            remedy = use(self.offered(library, name, change))
            guess = assumed_since(choice, change.deprecated)
            return Defect("deprecated", name, place, text, assumed=guess, remedy=remedy)
        return None

    def goes_with(self, library: str, callable: str, base: str, version: str) -> bool:
        """Return whether a release of the base's library goes with one that has the callable and may be installed."""
        having = [v for v in self.versions[library].versions if store.signature(library, callable, v) is not None]
        return base == library or any(allows(store.requires(library, v, base), version) for v in having)

    def offered(self, library: str, name: str, change: Change) -> Change:
        """Return what to use instead, under the old name where the stated versions do not have the new one yet."""
        config, _, rest = change.instead.partition("(")
        new = rest.partition("=")[0]
        if (
            not new
            or self.versions_accept(library, config, new, {})
            or not self.versions_accept(library, config, name, {})
        ):
            return change
        return Change(change.instead.replace(f"({new}=", f"({name}="), change.deprecated)

    def versions_accept(self, library: str, callable: str, name: str, only: dict[str, str]) -> bool:
        found = store.whole(library, callable, {**self.versions.installed(), **only})
        return found is None or found.accepts(name)

    def raises(self, library: str, callable: str, name: str, place: Place) -> Defect:
        """Return the defect of an argument that no judged version accepts, with the reason."""
        owner = home(library, callable, name)
        choice = self.versions[owner[0] if owner else library]
        change = ARGUMENTS.get(f"{library}.{callable}", {}).get(name) or inherited(library, callable, name)
        if owner is not None:
            takes = any(self.versions_accept(library, callable, name, {owner[0]: v}) for v in choice.versions)
            guess = takes or assumed(choice)
            since = gone(*owner, name, choice)
            if since:
                config = CONFIG_OF.get(callable, "")
                moved = bool(config) and change is not None and change.instead.startswith(config)
                text = (
                    f"{store.called(callable)} has no {name}= {from_on(owner[0], since)}: TypeError; {stated(choice)}"
                )
                kind = "moved" if moved else "removed"
                remedy = use(change)
                return Defect(kind, name, place, text, assumed=guess, remedy=remedy, library=owner[0])
            came = next((v for v in store.versions(owner[0]) if accepts_own(*owner, name, v)), "")
            text = f"{store.called(callable)} has {name}= only {from_on(owner[0], came)}: TypeError; {stated(choice)}"
            return Defect("unknown", name, place, text, assumed=guess)
        config = CONFIG_OF.get(callable, "")
        if config and self.versions_accept(library, config, name, {}) and store.knows(library, config):
            text = f"{callable} has no {name}=: TypeError; it belongs in {config}({name}=…)"
            return Defect("moved", name, place, text)
        return Defect(
            "unknown",
            name,
            place,
            f"{store.called(callable)} has no {name}=: TypeError{self.hint(library, callable, name)}",
        )

    def hint(self, library: str, callable: str, name: str) -> str:
        if name in MISTAKEN:
            return f"; {MISTAKEN[name]}"
        found = store.whole(library, callable, self.versions.installed())
        trainer = next((t for t, c in CONFIG_OF.items() if c == callable), "")
        if trainer and store.knows(library, trainer) and self.versions_accept(library, trainer, name, {}):
            return f"; it is an argument of {trainer}"
        return self.suggestions.of(name, found.parameters) if found is not None else ""

    def family(self, library: str, callable: str) -> set[str]:
        """Return every parameter name that a trainer, its configuration and their base classes had in some version."""
        names: set[str] = set()
        for one in filter(None, (callable, CONFIG_OF.get(callable, ""))):
            for owner in owners(library, one):
                names.update(store.ever(*owner))
        return names

    # -- callables that take anything ----------------------------------------------------------------------------

    def ignored(self, library: str, callable: str, name: str, place: Place) -> Defect | None:
        known = store.ever(library, callable)
        if name in known or not (hint := self.suggestions.of(name, known)):
            return None
        if re.findall(r"\d+", hint) != re.findall(r"\d+", name):  # bnb_8bit_… is no slip for bnb_4bit_…
            hint = ""
        return Defect("unknown", name, place, f"{callable} has no {name}=: it is ignored, and no warning says so{hint}")

    def refused(self, callable: str, name: str, place: Place) -> Defect | None:
        library, since, instead = REFUSED["from_pretrained"].get(name, ("", "", ""))
        choice = self.versions[library]
        if not library or not choice.judged or any(key_of(v) < key_of(since) for v in choice.judged):
            return None
        text = f"{callable} has no {name}= since {library} {short(since)}: TypeError; {stated(choice)}"
        guess = assumed_since(choice, since)
        return Defect("removed", name, place, text, assumed=guess, remedy=f"use {instead}", library=library)

    def adapter(self, callable: str, name: str, place: Place) -> Defect | None:
        """Return the defect of an argument that neither Unsloth's `get_peft_model` nor LoraConfig accepts."""
        if last(callable) != "get_peft_model":
            return None
        known = {n for owner in ADAPTERS for n in store.ever("unsloth", owner)}
        for owner in owners("peft", "LoraConfig"):
            known.update(store.ever(*owner))
        if name in known or not known:
            return None
        hint = f"; {MISTAKEN[name]}" if name in MISTAKEN else self.suggestions.of(name, known)
        return Defect(
            "unknown",
            name,
            place,
            f"get_peft_model has no {name}=, and neither does the LoraConfig it creates: TypeError{hint}",
        )


def branch(call: Call | None) -> str:
    """Return the condition of a call, or "" if every run of the script, or of its function, makes the call."""
    if call is None or not call.conditional:
        return ""
    loops = isinstance(call.condition, Repeated) and all(isinstance(one, Repeated) for one in call.conditions)
    return IN_LOOP if loops else call.condition or "the path taken"


def on_some_branch(run: Run, find: Callable[[Run], Iterable[Defect]]) -> list[Defect]:
    """Return the defects of a run; if it has none, those that it has with one of the calls that may make its arguments.

    `args = SFTConfig(…) if fast else SFTConfig(…)`: what only one of the two sets is wrong on its branch.
    """
    found = list(find(run))
    if found or len(run.arguments.makers) < 2:
        return found
    for maker in run.arguments.makers:
        alone = replace(run, arguments=replace(run.arguments, makers=[maker]))
        found += [replace(d, branch=d.branch or branch(maker[0]) or "the path taken") for d in find(alone)]
    return found


def assumed(choice: Choice) -> bool:
    """Return whether no number states the version, and the claim is limited to the newest known one."""
    return not (choice.said and choice.specifier) and not choice.open


def assumed_since(choice: Choice, version: str) -> bool:
    """Return whether the version may be older than one, or is stated nowhere."""
    return assumed(choice) or any(key_of(known) < key_of(version) for known in choice.versions)


def judging(run: Run) -> Judging:
    by_trl = any(name == "trl.TrlParser" for name, _ in run.recording.imports)
    made = tuple(run.recording.parsed_classes)
    guards = Guards(run.recording.signatures_asked)
    return Judging(run.versions or Versions(), patched(run.recording), guards, parsed=made, by_trl=by_trl)


def defects_of(run: Run) -> list[Defect]:
    """Return the defects of the arguments of all calls, found once for the runs of a script."""
    if run.defects is None:
        made = judging(run)
        run.defects = [d for call in run.calls for d in made.defects(call)]
    found: list[Defect] = run.defects
    return found


def patched(recording: Recording) -> bool:
    """Return whether the script imports Unsloth, whose classes accept arguments that those of TRL reject."""
    return any(name.split(".")[0] == "unsloth" for name, _ in recording.imports)


def rejected(run: Run, call: Call | None, name: str) -> bool:
    """Return whether the plain libraries, in the judged versions, reject an argument of a call.

    True if no versions are known. The effect of the argument on Unsloth's versions of the classes differs by
    release and by device.
    """
    if call is None or run.versions is None:
        return True
    defect = Judging(run.versions).argument(call, name)
    return defect is not None and defect.kind in ("unknown", "removed", "moved")
