"""Files that hold launches: shell and Slurm scripts, Makefiles, SkyPilot tasks, the cells of a notebook."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from ..files import disk, projects
from ..files.discovery import JUSTFILES, MAKEFILES, is_dockerfile, shown
from ..source import Magic, Source, SourceError, Span
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Known, Place, Unknown, Value
from . import entry_points, nearby_files
from .docker_files import of_dockerfile
from .job_files import JOB, of_yaml
from .justfiles import of_justfile
from .launchers import Launchers, below
from .shell import Shell
from .shell_commands import Command
from .task_tables import of_pyproject

LARGEST = 200_000  # bytes of a launch file
DEEPEST = 3  # launch files that start launch files
NO_LAUNCH = "no training is started here"
MAKE_VARIABLE = re.compile(r"^(?:export\s+|override\s+)*([A-Za-z_]\w*)\s*(\?|:|::|\+)?=[ \t]*(.*)$")


def of_file(data: bytes, path: str, given: Sequence[Value] | None = None) -> list[CommandLine]:
    """Return the launches in a file of such a name. Raises SourceError if the file is no text.

    `given` are the words that the file is started with (`$1`, `"$@"`), if they are known.
    """
    return of_source(Source.from_bytes(data, path), given)


def followed(lines: Iterable[CommandLine], depth: int = 0) -> list[CommandLine]:
    """Return the launches, and in place of those of launch files (`bash train.sh 8`) what these start."""
    made: list[CommandLine] = []
    for line in lines:
        inner = resolved(line) if line.is_launch_file else ""
        data = disk.read(inner, LARGEST) if inner and depth < DEEPEST else None
        if data is not None:
            with suppress(SourceError):
                started = followed(of_file(data, shown(inner), line.words), depth + 1)
                made += [replace(one, text=f"{one.text} ({line.text})") for one in started]
        elif not line.is_launch_file:
            made.append(line)
    return made


def of_source(source: Source, given: Sequence[Value] | None = None) -> list[CommandLine]:
    """Return the launches in a launch file, a SkyPilot task or the cells of a notebook."""
    name = os.path.basename(source.path).lower()
    if source.kind == "notebook":
        return [line for magic in source.magics for line in _of_magic(magic, source)]
    if name in MAKEFILES or name.endswith(".mk"):
        return _of_makefile(source)
    if name in JUSTFILES:
        return of_justfile(source, _folders(source.path))
    if is_dockerfile(name):
        return of_dockerfile(source, _placer, _folders(source.path))
    if name == projects.PYPROJECT:
        return of_pyproject(source, _folders(source.path))
    if source.kind == "configuration":
        return of_yaml(source, _placer, _folders(source.path))
    return _of_shell(source, given)


def beside(script: str, root: str) -> list[CommandLine]:
    """Return the launches of a script beside it: in its folder, those above up to `root`, and their `scripts`.

    No launch is marked as the actual one: each may be started, with further words. At most one for each distinct
    command line.
    """
    real = disk.real(script)
    names = _names(real, root)
    found: dict[tuple[object, ...], CommandLine] = {}
    for path in nearby_files.of(script, root):
        data = disk.read(path, LARGEST) if is_inside(path, root) else None
        if data is None or not any(name in data for name in names):
            continue
        if path.endswith((".yaml", ".yml")) and not JOB.search(data):
            continue
        try:
            lines = of_file(data, shown(path))
        except SourceError:
            continue
        for line in lines:
            if line.script and not line.is_launch_file and resolved(line, root) == real:
                found.setdefault(line.key, line)
    return [replace(line, said=False) for line in found.values()]


def _names(script: str, root: str) -> list[bytes]:
    """Return the words of which a launch of a script must have one: its name, its package's, its entry points."""
    name = os.path.splitext(os.path.basename(script))[0]
    if name in ("__main__", "__init__"):
        name = os.path.basename(os.path.dirname(script))
    points = entry_points.of(root)
    own = [command for command, (module, _) in points.items() if module.split(".")[-1] in (name, "__main__")]
    return [word.encode("utf-8", "surrogateescape") for word in (name, *own)]


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path, all links followed, lies in a folder."""
    real, top = disk.real(path), disk.real(folder)
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def resolved(line: CommandLine, root: str = "") -> str:
    """Return the real path of the script or configuration named in a line, or "" if there is no such file."""
    if not line.script:
        return ""
    folders = (*line.folders, *filter(None, [root]))
    for folder in _searched(line, folders):
        path = os.path.join(folder, line.script)
        if disk.is_file(path):
            return disk.real(path)
        package = os.path.join(path[: -len(".py")], "__init__.py" if line.function else "__main__.py")
        if line.module and disk.is_file(package):
            return disk.real(package)
    found = below(line.script, folders) if line.script.startswith("/") else ""
    return disk.real(found) if found else ""


def _searched(line: CommandLine, folders: tuple[str, ...]) -> Iterator[str]:
    """Yield the folders in which a script, or a module of `python -m`, is looked for."""
    said = line.environment.get("PYTHONPATH")
    given = str(said.value).split(":") if isinstance(said, (Known, Default)) else []
    inner = ("", *given, "src") if line.module else ("",)
    for folder in folders:
        yield from (os.path.join(folder, one) for one in inner)


# -- shell scripts -----------------------------------------------------------------------------------------------

SBATCH = re.compile(r"^#SBATCH\s+(--?[\w-]+)(?:[= ]\s*(\S+))?", re.MULTILINE)


def _of_shell(source: Source, given: Sequence[Value] | None) -> list[CommandLine]:
    text = source.text
    slurm = {name.lstrip("-"): value or "" for name, value in SBATCH.findall(text)}
    variables = _slurm_variables(slurm)
    if given is not None:
        variables |= {"@": list(given), **{str(number): [word] for number, word in enumerate(given, 1)}}
    shell = Shell(variables, file=source.path, folder=slurm.get("chdir") or slurm.get("D", ""), read=_read(source.path))
    launchers = Launchers(text, _placer(source, text), _folders(source.path), cards=_slurm_cards(slurm))
    return list(launchers.of(shell.commands(text)))


def _read(path: str) -> Callable[[str], str]:
    """Return the function that reads a file which a launch file of the project reads into itself."""
    folder = os.path.dirname(os.path.abspath(path))

    def read(name: str) -> str:
        places = (os.path.join(base, name) for base in (folder, os.path.dirname(folder), os.getcwd()))
        root = projects.root(folder)
        found = next((one for one in places if disk.is_file(one) and is_inside(one, root)), "")
        data = disk.read(found, LARGEST) if found else None
        return data.decode("utf-8", "replace") if data is not None else ""

    return read


def _slurm_variables(slurm: dict[str, str]) -> dict[str, list[Value]]:
    made: dict[str, list[Value]] = {}
    each = slurm.get("gpus-per-node") or _after_colon(slurm.get("gres", ""))
    for names, value in (
        (("SLURM_NNODES", "SLURM_JOB_NUM_NODES"), slurm.get("nodes") or slurm.get("N", "")),
        (("SLURM_NTASKS", "SLURM_NPROCS"), slurm.get("ntasks") or slurm.get("n", "")),
        (("SLURM_NTASKS_PER_NODE",), slurm.get("ntasks-per-node", "")),
        (("SLURM_GPUS_ON_NODE", "SLURM_GPUS_PER_NODE"), each),
        (("SLURM_GPUS",), slurm.get("gpus", "")),
        (("SLURM_CPUS_PER_TASK",), slurm.get("cpus-per-task", "")),
    ):
        number = value.rpartition(":")[2]
        if number.isdigit():
            made.update((name, [Known(number)]) for name in names)
    return made


def _slurm_cards(slurm: dict[str, str]) -> Value | None:
    """Return the number of cards of a node, as in `--gres=gpu:a100:4`."""
    asked = slurm.get("gres", "").partition("gpu:")[2] or slurm.get("gpus-per-node", "") or slurm.get("gpus", "")
    number = asked.rpartition(":")[2]
    return Known(int(number)) if number.isdigit() else None


def _after_colon(text: str) -> str:
    return text.rpartition(":")[2] if text.startswith("gpu") else ""


def _placer(
    source: Source, text: str, first_row: int = 1, indent: int = 0, cell: int | None = None
) -> Callable[[int, int], Place]:
    """Return a function from offsets into `text`, whose first row is `first_row` of the source, to places."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def point(offset: int) -> tuple[int, int]:
        row = bisect_right(starts, offset) - 1
        return row + first_row, offset - starts[row] + 1 + indent

    def place(start: int, end: int) -> Place:
        return Place(source, Span(*point(start), *point(end), cell))

    return place


def _folders(path: str) -> Callable[[Command], tuple[str, ...]]:
    """Return bases of a command's relative paths: the target of `cd`, the file's folder, the working directory."""
    own = os.path.dirname(os.path.abspath(path))

    def folders(command: Command) -> tuple[str, ...]:
        above = [own, os.path.dirname(own), os.path.dirname(os.path.dirname(own))]
        bases = [own, *above[1:]] if command.in_own_folder else above
        made = [os.path.normpath(os.path.join(base, command.folder)) for base in bases] if command.folder else bases
        return tuple(dict.fromkeys([*made, *bases, os.getcwd()]))

    return folders


# -- Makefiles ---------------------------------------------------------------------------------------------------


def _of_makefile(source: Source) -> list[CommandLine]:
    """Return the launches in the recipes: each row with its continuations runs in a shell; `$(NAME)` is make's."""
    variables: dict[str, list[Value]] = {}
    made: list[CommandLine] = []
    rows = source.text.split("\n")
    at = 0
    offset_row = 0
    while at < len(rows):
        offset_row = at
        row = rows[at]
        while row.endswith("\\") and at + 1 < len(rows):
            at += 1
            row += "\n" + rows[at]
        at += 1
        if row.startswith("\t"):
            made += _recipe(row, offset_row + 1, source, variables)
        elif found := MAKE_VARIABLE.match(row.replace("\\\n", " ")):
            text = _made_shell(found[3].split(" #")[0].strip())
            value = list(Shell(dict(variables)).commands(f'_="{text}" _'))
            plain = value[0].environment.get("_", Unknown("a make variable")) if value else Known("")
            if found[2] == "?" and isinstance(plain, Known):
                plain = Default(plain.value, f"${found[1]}")
            if found[2] == "+" and found[1] in variables:
                plain = _appended(variables[found[1]][0], plain)
            variables[found[1]] = [plain]
    return made


def _appended(before: Value, after: Value) -> Value:
    if isinstance(before, Known) and isinstance(after, Known):
        return Known(f"{before.value} {after.value}")
    return Unknown("a make variable that is appended to")


def _made_shell(text: str) -> str:
    """Return make's `$(NAME)` as the shell's `${NAME}`, `$$` as `$`; of the same length if a place depends on it."""
    text = re.sub(r"\$\(([A-Za-z_]\w*)\)", r"${\1}", text)
    return text.replace("$$", "$")


def _recipe(row: str, number: int, source: Source, variables: dict[str, list[Value]]) -> list[CommandLine]:
    body = row[1:]
    prefix = len(body) - len(body.lstrip("@-+ "))
    body = " " * prefix + body[prefix:]
    text = _made_shell(body)
    unset = "is a make variable that is not set here"
    shell = Shell(dict(variables), lambda name: f"$({name}) {unset}")
    launchers = Launchers(text, _placer(source, text, number, 1), _folders(source.path), written=body)
    return list(launchers.of(shell.commands(text)))


# -- notebooks ---------------------------------------------------------------------------------------------------


def _of_magic(magic: Magic, source: Source) -> list[CommandLine]:
    """Return the launches of a magic: `!python train.py`, `%%bash`, `%run train.py`."""
    text = magic.text
    if found := re.match(r"%%(?:bash|sh|script\s+(?:ba)?sh|shell)\b[^\n]*\n", text):
        body, skipped = text[found.end() :], 1
        launchers = Launchers(body, _placer(source, body, magic.row + skipped, 0, magic.cell), _folders(source.path))
        return list(launchers.of(Shell().commands(body)))
    if found := re.match(r"(?:\w+\s*=\s*)?!{1,2}|%(?:sx|system)\s+|%run\s+", text):
        body = text[found.end() :]
        if found[0].startswith("%run"):
            body = f"python {body}"
        indent = found.end() - (len("python ") if found[0].startswith("%run") else 0)
        launchers = Launchers(
            body,
            _placer(source, body, magic.row, indent, magic.cell),
            _folders(source.path),
            placeholders="is set by the notebook",
        )
        filled = "is set by the notebook or by the environment"
        return list(launchers.of(Shell(unset=lambda name: f"${name} {filled}").commands(body)))
    return []


def written(magic: Magic) -> str:
    """Return the file that `%%writefile` writes, or "" for another magic."""
    found = re.match(r"%%(?:writefile|file)\s+(?:-a\s+|--append\s+)?(\S+)(?:[^\S\n][^\n]*)?\n", magic.text)
    return found[1] if found else ""
