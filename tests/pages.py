"""Pages of forms: Markdown whose fences are whole projects, and whose `reveal` comments say what comes of them.

A heading names a form. An unnamed Python fence is its script, `train.py`. Files that the script reads stand before it,
each in a fence that gives its name (`yaml conf/config.yaml`); a script that lies elsewhere is named, too (`python
scripts/train.py`). A script that speaks of `FastLanguageModel` and imports nothing of unsloth has the import put before
it. A comment on the line of a call of `get_peft_model` says what arrives there as `r`::

    # reveal: known 64                     what really happens
    # reveal: default 64                   what happens unless the command line or the environment says otherwise
    # reveal: either 16 64                 branches that only the run decides
    # reveal: unknown                      no value is claimed (a term says what decides, and claims none either)
    # reveal: no call
    # reveal: known 16; known 64           two calls from this line, in order
    # reveal: known 64 or unknown          the first is right, the second is honest

Calls from several lines happen in the order of the lines.
"""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

PRELUDE = "from unsloth import FastLanguageModel\n"
SCRIPT = "train.py"
HEADING = re.compile(r"(#{1,3}) (.+)")
FENCE = re.compile(r"```(\w+)(?: (\S+))?")
REVEAL = re.compile(r"# reveal: (.+)")

Claims = list[str]  # of the calls in order, as `claims.describe` writes them


@dataclass(slots=True)
class Reveal:
    """What arrives at the calls of one line."""

    path: str
    row: int  # 1-based, in the file as it is written for the run
    alternatives: list[Claims]


@dataclass(slots=True)
class Form:
    """One project: its files, which of them is run, and what is to come of it."""

    name: str
    line: int  # of the script's fence in the page, 1-based
    script: str
    files: dict[str, str]
    reveals: list[Reveal] = field(default_factory=list)

    def alternatives(self) -> list[Claims]:
        """What may be said of all calls in order."""
        return [sum(parts, []) for parts in itertools.product(*(reveal.alternatives for reveal in self.reveals))]

    def write(self, folder: Path) -> Path:
        """The script, written into a folder together with its files."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder / self.script


def read(page: Path) -> list[Form]:
    """The forms of a page, in order. Anything that is not as the module says is a ValueError with its line."""
    forms: list[Form] = []
    headings: list[str] = []
    files: dict[str, str] = {}
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        heading, fence = HEADING.fullmatch(line), FENCE.fullmatch(line)
        if heading:
            headings[len(heading[1]) - 1 :] = [heading[2]]
        elif fence:
            body = "".join(f"{text}\n" for _, text in itertools.takewhile(lambda at: at[1] != "```", lines))
            name = fence[2] or SCRIPT
            if name in files or (not fence[2] and fence[1] != "python"):
                raise ValueError(f"{page.name}:{number}: {name} stands here twice, or a fence lacks a name")
            files[name] = body
            if Path(name).name == SCRIPT:
                forms.append(_form(page, headings, number, name, files))
                files = {}
    if files:
        raise ValueError(f"{page.name}: no script follows {', '.join(files)}")
    names = [form.name for form in forms]
    for form in forms:  # several scripts below one heading are told apart by their number
        if names.count(form.name) > 1:
            before = sum(other.name.rpartition("-")[0] == form.name for other in forms)
            form.name = f"{form.name}-{before + 1}"
    return forms


def _form(page: Path, headings: list[str], number: int, script: str, files: dict[str, str]) -> Form:
    if "FastLanguageModel" in files[script] and "unsloth" not in files[script]:
        files = {**files, script: PRELUDE + files[script]}
    reveals = [
        Reveal(path, row, alternatives(match[1]))
        for path, text in files.items()
        for row, line in enumerate(text.splitlines(), 1)
        if (match := REVEAL.search(line))
    ]
    name = "/".join([page.stem, *map(_slug, headings[1:])])
    if not reveals:
        raise ValueError(f"{page.name}:{number}: nothing is revealed of {name}")
    return Form(name, number, script, files, reveals)


def _slug(heading: str) -> str:
    return "-".join(re.findall(r"\w+", heading.lower()))


def alternatives(text: str) -> list[Claims]:
    """What a comment allows: for each alternative the claims of the calls in order."""
    return [
        [] if claims.strip() == "no call" else [_claim(claim) for claim in claims.split(";")]
        for claims in text.split(" or ")
    ]


def _claim(text: str) -> str:
    kind, _, value = text.strip().partition(" ")
    if kind not in ("known", "default", "either", "unknown") or (kind == "unknown") != (not value):
        raise ValueError(f"not what a comment may say: {text}")
    if kind == "either":
        return " ".join([kind, *sorted(repr(ast.literal_eval(word)) for word in value.split())])
    return f"{kind} {ast.literal_eval(value)!r}" if value else kind
