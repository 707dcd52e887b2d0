"""How fast it is, as ratios of whole processes measured in turn: `python benchmarks/run.py [SCRIPTS]`.

Ratios travel from machine to machine, milliseconds do not. Each case and its yardsticks run alternately after one round
that is not counted, and a ratio is that of their medians: of wall time, and of processor time, which a busy machine
disturbs less. SCRIPTS is a directory of training scripts; without it they are made here, with the sizes that public
training scripts have. The other programs are installed from requirements.txt into an environment of their own, which
`--peers DIR` keeps for the next time; `--no-peers` does without. Everything runs on two cores where there are as many.
What profiles showed stands in PROFILE.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts import script, write_scripts

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
PARSE = """
import os, sys, pathlib, libcst
paths = sorted(pathlib.Path(sys.argv[1]).rglob("*.py"))
children = []
for k in range(2):
    pid = os.fork()
    if not pid:
        for path in paths[k::2]:
            libcst.parse_module(path.read_bytes())
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
"""
FIXIT = "fixit.rules:NoRedundantFString,fixit.rules:CompareSingletonPrimitivesByIs,fixit.rules:NoInheritFromObject"
SEMGREP = """rules:
  - id: lora-rank
    languages: [python]
    severity: ERROR
    message: the rank is not 16
    patterns:
      - pattern: FastLanguageModel.get_peft_model(..., r=$R, ...)
      - metavariable-comparison: {metavariable: $R, comparison: $R != 16}
"""


class Taken(NamedTuple):
    """Seconds of a process and its children, and the memory of the largest of them."""

    wall: float
    cpu: float
    mib: float


class Yardstick(NamedTuple):
    name: str
    command: list[str]
    limit: float | None = None  # the ratio that must not be exceeded; None to tell only


class Case(NamedTuple):
    name: str
    command: list[str]
    yardsticks: list[Yardstick]
    runs: int
    folder: Path


class Peers:
    """Commands of the other programs."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.bin = folder / "bin"
        if not (self.bin / "ruff").exists():
            print(f"installing requirements.txt into {folder} …", file=sys.stderr)
            subprocess.run([PYTHON, "-m", "venv", folder], check=True)
            packages = ["-r", str(Path(__file__).with_name("requirements.txt"))]
            subprocess.run([self.bin / "python", "-m", "pip", "install", "-q", *packages], check=True)
        self.rule = work / "rule.yml"
        self.rule.write_text(SEMGREP, encoding="utf-8")

    def __call__(self, name: str, path: Path, limit: float | None = None) -> Yardstick:
        options = {
            "ruff --no-cache": ["ruff", "check", "--isolated", "--no-cache"],
            "fixit, 3 rules": ["fixit", "--rules", FIXIT, "lint"],
            "semgrep, 1 rule": [
                *("semgrep", "scan", "--quiet", "--metrics=off", "--disable-version-check"),
                *("--config", str(self.rule)),
            ],
            "flake8": ["flake8", "--isolated"],
            "pylint -E": ["pylint", "-E", "-j2", "--recursive=y", "--rcfile=/dev/null"],
        }[name]  # fmt: skip
        return Yardstick(name, [str(self.bin / options[0]), *options[1:], str(path)], limit)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="?", type=Path, help="a directory of training scripts")
    parser.add_argument("--count", type=int, default=440, help="how many scripts (default 440)")
    parser.add_argument("--ordinary", type=int, default=10_000, help="how many ordinary files (default 10000)")
    parser.add_argument("--runs", type=int, default=9, help="runs of each short case (default 9); of long ones 3")
    parser.add_argument("--only", default="", metavar="WORD", help="only cases whose name has this in it")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where the other programs are installed, and kept")
    parser.add_argument("--no-peers", action="store_true", help="without the other programs")
    parser.add_argument("--check", action="store_true", help="exit 1 if a limit is missed")
    args = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(work / "home")
        peers = None if args.no_peers else Peers(args.peers or work / "peers", work)
        print(
            f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
            f"{time.strftime('%Y-%m-%d')}"
        )
        print("| case | s | against | s | ratio | of CPU | bound |\n|---|---|---|---|---|---|---|")
        for case in cases(args, work, peers):
            if args.only in case.name:
                missed += measure(case)
        if args.only in "memory":
            missed += memory(args, work)
    return 1 if missed and args.check else 0


def cases(args: argparse.Namespace, work: Path, peers: Peers | None) -> Iterator[Case]:
    one = made(
        work / "one", lambda folder: (folder / "train.py").write_text(script(seed=0, rows=160), encoding="utf-8")
    )
    settled = made(work / "settled", lambda folder: shutil.copy(one / "train.py", folder))
    (settled / "pyproject.toml").write_text('[tool.nl2sql-review]\nignore = ["project/paths"]\n', encoding="utf-8")
    many = made(work / "many", lambda folder: training(folder, args))
    cold, cached = ["--no-cache"], []

    def other(name: str, path: Path, limit: float | None = None) -> list[Yardstick]:
        return [peers(name, path, limit)] if peers is not None else []

    plain = Yardstick("python -c pass", [PYTHON, "-c", "pass"], 3)
    libcst = Yardstick("import libcst", [PYTHON, "-c", "import libcst"], 2)
    parse = Yardstick("libcst.parse_module, 2 processes", [PYTHON, "-c", PARSE, str(many)], 1.9)
    yield Case("--help", ours("--help"), [plain._replace(limit=None)], args.runs * 2, one)
    yield Case("one script of 160 lines, cold", ours(*cold, "--output-format", "concise", str(one / "train.py")), [
        libcst,
        *other("fixit, 3 rules", one / "train.py", 0.5),
        *other("semgrep, 1 rule", one / "train.py", 0.22),
        *other("flake8", one / "train.py", 0.5),
        *other("pylint -E", one / "train.py", 0.32),
        *other("ruff --no-cache", one / "train.py"),
    ], args.runs, one)  # fmt: skip
    for name, folder in (("", one), (", with a pyproject.toml", settled)):
        yardsticks = [plain, *other("fixit, 3 rules", folder / "train.py", 0.08)]
        yield Case(f"the same, cached{name}", ours(*cached, str(folder / "train.py")), yardsticks, args.runs, folder)
    yield Case(f"{args.count} scripts, cold, 2 cores", ours(*cold, "-j2", str(many)), [
        parse, *other("fixit, 3 rules", many, 0.15), *other("semgrep, 1 rule", many), *other("flake8", many),
    ], 3, many)  # fmt: skip
    yield Case(
        f"{args.count} scripts, cached", ours(*cached, str(many)), other("ruff --no-cache", many, 1), args.runs, many
    )
    mixed = made(work / "mixed", lambda folder: ordinary(folder, args.ordinary))
    yardsticks = other("ruff --no-cache", mixed, 1.5)
    yield Case(f"{args.ordinary} ordinary files and 10 scripts, cold", ours(*cold, str(mixed)), yardsticks, 5, mixed)


def ours(*words: str) -> list[str]:
    return [PYTHON, "-m", "nl2sql_review", *words]


def made(folder: Path, fill) -> Path:
    if not folder.exists():
        folder.mkdir()
        fill(folder)
    return folder


def training(folder: Path, args: argparse.Namespace) -> None:
    if args.scripts is None:
        write_scripts(folder, args.count)
        return
    for number, path in enumerate(sorted(args.scripts.rglob("*.py"))[: args.count]):
        target = folder / f"{number:04d}" / path.name
        target.parent.mkdir(parents=True)
        shutil.copyfile(path, target)


def ordinary(folder: Path, count: int) -> None:
    """Python's own library, again and again, in folders of a hundred files; and ten training scripts."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [p for p in sorted(library.rglob("*.py")) if not {"site-packages", "test", "lib2to3"} & set(p.parts)]
    for number in range(count):
        source = files[number % len(files)]
        target = folder / f"package{number // 100:03d}" / f"{number % 100:02d}_{source.name}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
    write_scripts(folder / "training", 10)


def measure(case: Case) -> int:
    """Prints a line for each yardstick; how many limits were missed."""
    commands = [case.command, *(yardstick.command for yardstick in case.yardsticks)]
    series: list[list[Taken]] = [[] for _ in commands]
    for number in range(case.runs + 1):
        for command, taken in zip(commands, series):
            seconds = once(command, case.folder)
            if number:
                taken.append(seconds)
    first, *others = [Taken(*map(statistics.median, zip(*taken))) for taken in series]
    missed = 0
    for yardstick, taken in zip(case.yardsticks, others):
        ratio, of_cpu = first.wall / taken.wall, first.cpu / taken.cpu
        over = yardstick.limit is not None and ratio > yardstick.limit
        missed += over
        bound = "" if yardstick.limit is None else f"{yardstick.limit}{' missed' if over else ''}"
        cells = (
            case.name,
            f"{first.wall:.3f}",
            yardstick.name,
            f"{taken.wall:.3f}",
            f"{ratio:.2f}",
            f"{of_cpu:.2f}",
            bound,
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    if not others:
        print(f"| {case.name} | {first.wall:.3f} | | | | | |", flush=True)
    return missed


def memory(args: argparse.Namespace, work: Path) -> int:
    """The largest process of a run over a quarter of the scripts, and over all of them."""
    many = work / "many"
    peaks = []
    for share in (4, 1):
        part = work / f"part{share}"
        part.mkdir()
        for folder in sorted(many.iterdir())[: max(args.count // share, 1)]:
            shutil.copytree(folder, part / folder.name)
        peaks.append(once(ours("--no-cache", "-j2", str(part)), part).mib)
    over = peaks[1] > 100
    print(
        f"| memory, {args.count // 4} and {args.count} scripts | | | | {peaks[0]:.0f} MiB, "
        f"{peaks[1]:.0f} MiB | | 100 MiB{' missed' if over else ''} |"
    )
    return over


def once(command: list[str], folder: Path) -> Taken:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": ""}
    environment.pop("PYTHONUNBUFFERED", None)
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=_two_cores
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if process.returncode not in (0, 1, 2, 3) or "Traceback" in said and command[1:3] == ["-m", "nl2sql_review"]:
            sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{said}")
    return Taken(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def _two_cores() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))


if __name__ == "__main__":
    sys.exit(main())
