"""The rulebook: one Markdown file per rule, loaded into frozen dataclasses.

The path is the id and the registration: `rules/lora/rank.md` is `lora/rank`. A head lists the facts of the
plan that are judged and the expectations for them, from a closed set; the page below it is for people, and
its fences are the rule's tests. Rules come in the order of the plan's facts, which is the order of the
checklist.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Iterable, Literal, Mapping, NamedTuple, Union

from ..files import disk, resources
from ..files.typed_data import ShapeError, build, did_you_mean, listed
from ..report.addresses import SITE
from ..report.report import EFFECTS, KINDS, Effect, Kind, Severity
from ..training_plan.facts import FACTS, ROW_FACTS, ROW_SECTION, SECTIONS
from .expectations import WORDS, Expectation, Unset, check_fact
from .front_matter import NotYaml, StoredHeads, plain_head

# What the tool reports of its own accord: no rule of the policy, but ids that one selects, ignores and reads about.
NOTICES = {
    "file/unreadable": "The file cannot be read: it is missing, not permitted, not text, or a broken notebook.",
    "file/syntax": "The file is not valid Python, so nothing can be said about the run.",
    "suppression/unused": "A `# nl2sql: ignore[…]` comment that suppresses nothing.",
    "suppression/unknown": "A `# nl2sql: ignore[…]` comment that names a rule that does not exist.",
    "suppression/malformed": "A `# nl2sql:` comment that cannot be parsed.",
}


# The fixers: what each does is said in CONTRIBUTING.md, and done in fixes/.
FIXER_NAMES = (
    "set", "set the accumulation", "set the batch", "set the lengths", "set the precision", "set the save strategy",
    "set the seed of the run", "set the target modules", "set the warm-up", "append the end", "cut", "find the newest",
    "import", "import anew", "import first", "log the memory", "make the class", "mark", "mask", "move", "normalise",
    "quantize", "read by all names", "remove", "remove one", "rename",
)  # fmt: skip
SIZE_LIMIT = 1_000_000  # bytes of a rule file


class RulebookError(ValueError):
    """Raised for a rule file that cannot be used; the text names file, key and remedy."""


@dataclass(frozen=True)
class When(Expectation):
    """Condition of a rule: it applies only if `fact` is as expected; `otherwise` (written `else`) explains if not.

    `unseen`: "pass" if the rule also applies to a script that does not show the fact, as one without a trainer.
    """

    fact: str = ""
    unseen: Literal["pass", "not-applicable"] = "not-applicable"
    otherwise: str = field(default="", metadata={"key": "else"})

    def __post_init__(self) -> None:
        if not self.fact:
            raise ShapeError("fact", "is missing: name the fact that decides whether the rule applies")
        check_fact(self.fact, "fact")
        if not self.given():
            raise ShapeError("", f"has no expectation for {self.fact}; known expectations are {listed(WORDS)}")


@dataclass(frozen=True)
class Head:
    """The front matter of a rule file."""

    effect: Union[Effect, dict[str, Effect]]  # what comes of it; or by outcome, as `kind`
    fact: Union[str, tuple[str, ...]]
    expect: Union[Expectation, dict[str, Expectation]]
    severity: Severity = "error"
    kind: Union[Kind, dict[str, Kind]] = "policy"  # a trap or policy; or by outcome, keyed as `says`, and "default"
    terms: tuple[str, ...] = ()
    when: Union[When, None] = None
    unset: Unset = "fail"
    says: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    help: str = ""
    fix: Union[str, dict[str, str]] = ""  # the fixer, for every fact or for each
    same: tuple[str, ...] = ()  # rules of other sections that, at the same place, speak of the same defect
    since: str = ""

    def __post_init__(self) -> None:
        for name in self.facts:
            check_fact(name, "fact")
        if isinstance(self.expect, Expectation):
            if len(self.facts) > 1:
                raise ShapeError("expect", "must map each fact to its expectation, because `fact` lists several")
        else:
            for name in self.expect:
                if name not in self.facts:
                    raise ShapeError("expect", f"{name} is not listed under `fact`{did_you_mean(name, self.facts)}")
            for name in self.facts:
                if name not in self.expect:
                    raise ShapeError("expect", f"has no entry for {name}, listed under `fact`")
        for name, expectation in self.expectations:
            if not expectation.given():
                raise ShapeError(
                    "expect", f"there is no expectation for {name}; known expectations are {listed(WORDS)}"
                )

        for key, said in (("kind", self.kind), ("effect", self.effect)):
            if isinstance(said, dict) and "default" not in said:
                raise ShapeError(key, "has no default: name the value for all other cases")
        if isinstance(self.fix, dict):
            for name in self.fix:
                if name not in self.facts:
                    raise ShapeError("fix", f"{name} is not listed under `fact`{did_you_mean(name, self.facts)}")
        for fixer in {*self.fix.values()} if isinstance(self.fix, dict) else {self.fix} - {""}:
            if fixer not in FIXER_NAMES:
                raise ShapeError(
                    "fix",
                    f"there is no fix {fixer}{did_you_mean(fixer, FIXER_NAMES)}; known are {listed(FIXER_NAMES)}",
                )

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Possible effects of the rule's findings, the worst first."""
        said = set(self.effect.values()) if isinstance(self.effect, dict) else {self.effect}
        return tuple(effect for effect in EFFECTS if effect in said)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of findings: traps, departures from policy, or both."""
        said = set(self.kind.values()) if isinstance(self.kind, dict) else {self.kind}
        return tuple(kind for kind in KINDS if kind in said)

    def fixer(self, fact: str) -> str:
        """Return the name of the fixer for findings about one of the facts, or "" if there is none."""
        return self.fix.get(fact, "") if isinstance(self.fix, dict) else self.fix

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.fact,) if isinstance(self.fact, str) else self.fact

    @property
    def expectations(self) -> tuple[tuple[str, Expectation], ...]:
        """Each judged fact with its expectation."""
        if isinstance(self.expect, Expectation):
            return ((self.facts[0], self.expect),)
        return tuple((name, self.expect[name]) for name in self.facts)


@dataclass(frozen=True)
class Fence:
    """A code block of a rule's page. `label`: "good", "bad", "fixed", "unknown", "na", or "" if it is not tested."""

    language: str
    label: str
    code: str
    row: int  # 1-based row of its first line of code in the rule file


@dataclass(frozen=True, eq=False)
class Rule:
    id: str
    title: str
    head: Head
    body: str  # the page: Markdown, title included
    path: str  # the file
    body_row: int = 1  # 1-based row of the body's first line in the file
    counted: tuple[Kind, ...] = KINDS  # which of its outcomes count, by the policy and the settings

    @cached_property
    def section(self) -> str:
        return self.id.partition("/")[0]

    @property
    def address(self) -> str:
        """The page of the rule on the project's site; "" for a team's own rule."""
        ours = os.path.join(resources.find("rules"), "")
        return f"{SITE}rules/{self.id}/" if self.path.startswith(ours) else ""

    @property
    def fences(self) -> tuple[Fence, ...]:
        return tuple(
            Fence(
                m["language"], m["label"].strip(), m["code"], self.body_row + self.body.count("\n", 0, m.start("code"))
            )
            for m in _FENCE.finditer(self.body)
        )

    @property
    def prose(self) -> str:
        """The page without its title and code."""
        return _FENCE.sub("", self.body).partition("\n")[2].strip()


@dataclass(frozen=True, eq=False)
class Rulebook:
    """All known rules by id, and the active ones: settings select them and set their parameters.

    `active` are the rules on a plan, `on_rows` those on the rows of its data.
    """

    rules: Mapping[str, Rule]
    active: tuple[Rule, ...]
    on_rows: tuple[Rule, ...] = ()

    def __getitem__(self, id: str) -> Rule:
        return self.rules[id]

    def names(self) -> tuple[str, ...]:
        """Return all names that can be selected, ignored or suppressed: sections and ids."""
        notices = dict.fromkeys(id.partition("/")[0] for id in NOTICES)
        own = dict.fromkeys(rule.section for rule in self.rules.values())
        return tuple(dict.fromkeys((*SECTIONS, ROW_SECTION, *own, *notices, *self.rules, *NOTICES)))


_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>\w*)(?P<label>(?!\w)[^\n`]*)\n(?P<code>.*?)(?:^(?P=ticks)[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"\A---[ \t]*\n(?P<head>.*?)^---[ \t]*\n(?P<body>.*)\Z", re.MULTILINE | re.DOTALL)


def load(extra: Iterable[str] = ()) -> Rulebook:
    """Load the built-in rules and those of the directories `extra`; a later rule replaces an earlier one of its id.

    Raises RulebookError, whose text names the file.
    """
    with disk.Remembering(apart=True):  # these belong to the program, not to what is reviewed
        pages = list(_pages(resources.find("rules"), links=True))
    for directory in extra:
        if not disk.is_folder(directory):
            raise RulebookError(f"{directory}: the directory of rules does not exist")
        pages += _pages(directory)
    return _load(tuple(pages))


@lru_cache(maxsize=16)
def _load(pages: tuple[Page, ...]) -> Rulebook:
    stored = StoredHeads(page.path for page in pages)
    rules = {page.id: parse(page.text(), page.path, page.id, stored) for page in pages}
    stored.save()
    facts = (*FACTS, *ROW_FACTS)
    own = sorted({r.section for r in rules.values()} - {*SECTIONS, ROW_SECTION})  # sections of a team's
    sections = (*SECTIONS, *own, ROW_SECTION)
    ordered = sorted(rules.values(), key=lambda r: (sections.index(r.section), facts.index(r.head.facts[0]), r.id))
    on_rows = tuple(r for r in ordered if r.section == ROW_SECTION)
    return Rulebook({r.id: r for r in ordered}, tuple(r for r in ordered if r not in on_rows), on_rows)


class Page(NamedTuple):
    """A rule file."""

    path: str
    id: str
    data: bytes

    def text(self) -> str:
        """Text of the rule file, with line feeds. Raises RulebookError if it is not UTF-8."""
        try:
            return self.data.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise RulebookError(f"{self.path}: {error}") from None


_OWN_SECTION = re.compile(r"[a-z][a-z0-9-]*")


def _pages(directory: str, links: bool = False) -> Iterable[Page]:
    """Yield every rule file below a directory, except README.md, which is for people."""
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(d for d in folders if not d.startswith("."))
        disk.names(folder)  # a rule that is added changes what is judged
        for name in sorted(files):
            if not name.endswith(".md") or name == "README.md":
                continue
            path = os.path.join(folder, name)
            id = os.path.relpath(path, directory).replace(os.sep, "/")[:-3]
            section, _, rest = id.partition("/")
            known = (*SECTIONS, ROW_SECTION)
            hint = "" if section in known else did_you_mean(section, known)
            own = bool(_OWN_SECTION.fullmatch(section)) and not hint  # a team's, no slip
            if (section not in known and not own) or not rest or "/" in rest:
                raise RulebookError(
                    f"{path}: a rule must be at <section>/<rule>.md; sections are {listed(known)}{hint}"
                )
            if not links and os.path.islink(path) and not disk.lies_in(disk.real(path), disk.real(directory)):
                raise RulebookError(f"{path}: is a link that leads out of {directory}; rules must be inside it")
            data = disk.read(path, SIZE_LIMIT)
            if data is None:
                raise RulebookError(f"{path}: cannot be read")
            yield Page(path, id, data)


def parse(text: str, path: str, id: str, stored: StoredHeads | None = None) -> Rule:
    """Return the rule of a page. Raises RulebookError."""
    parts = _FILE.match(text)
    if not parts:
        raise RulebookError(f"{path}: a rule file must start with a head between two lines of `---`")
    body = parts["body"]
    title = re.match(r"\s*# (.+)\n", body)
    if not title:
        raise RulebookError(f"{path}: the page must start with its title: a line `# …` right after the head")
    skipped = len(body) - len(body.lstrip("\n"))
    row = text.count("\n", 0, parts.start("body") + skipped) + 1
    try:
        data = stored.head(parts["head"]) if stored is not None else plain_head(parts["head"])
    except NotYaml as error:
        raise RulebookError(f"{path}{error}") from None
    return Rule(id, title[1].strip(), head(data, path), body[skipped:], path, row)


def head(data: object, path: str) -> Head:
    """Return a rule's head from plain data. Raises RulebookError naming `path` and the key."""
    try:
        return build(Head, data)
    except ShapeError as error:
        raise RulebookError(f"{path}: {error}") from None
