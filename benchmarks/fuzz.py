"""Mutants of scripts, each given to one command in a process with hard limits: figures of docs/security.md.

    python benchmarks/fuzz.py [--mutants 20000] [--seed 20] [--seconds S] [--jobs 1] [--public FOLDER] [--out FOLDER]
    python benchmarks/fuzz.py --out FOLDER --replay FOLDER/failures/17.json

A mutant is a form, fixture, example or bomb of this project, or a script of the folder given, with up to twelve changes
by token, line, structure and value; a command, its options and a format are drawn for it. What may not happen: a
traceback, an internal error, the end by a signal, more than 2 s of processor time (10 s where fixes are proved) or
500 MB, exit 0 on what cannot be read, exit 2 on a review, a report that its readers cannot parse, a fixed file that is
no program any more or that a second run changes, a file left behind. Each such mutant is written with seed and text.

A run goes on where an earlier one with the same seed and folder stopped, for `--seconds` at most. Processor time is
inflated where other work shares the machine. Ends with 1 where there is a failure.
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fuzz_cases import Case, draw_case  # noqa: E402
from benchmarks.mutants import Project, projects  # noqa: E402
from nl2sql_review import cli  # noqa: E402
from nl2sql_review.files import beside  # noqa: E402

SECONDS, SECONDS_OF_PROOFS = 2.0, 10.0  # of processor time
MEMORY = 500_000_000  # bytes resident, all of Python included
HARD_SECONDS, HARD_MEMORY, PATIENCE = 40, 1_500_000_000, 120  # where the system ends it; the last is of the wall clock
KEPT = ("number", "origin", "script", "argv", "stdin", "format", "proves", "fixes")  # of a case, beside its files
LIBRARIES = re.compile(rb"trl|transformers|peft|unsloth")


@dataclass
class Ran:
    """What became of one process."""

    code: int
    seconds: float
    memory: int
    out: bytes = b""
    err: bytes = b""


@dataclass
class Judged:
    """A case that was run, and what may not happen but did."""

    case: Case
    ran: Ran
    failures: list[str] = field(default_factory=list)


# Running


def run(made: Case, scratch: Path) -> Judged:
    """Run a case in a folder of its own, and judge what became of it."""
    folder = scratch / "work"
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    ran = _process(made, folder, scratch)
    judged = Judged(made, ran, list(_broken(made, ran)))
    if left := [path.name for path in folder.rglob(f"*{beside.SUFFIX}")]:
        judged.failures.append(f"left behind: {', '.join(left)}")
    if made.fixes and not judged.failures:
        judged.failures += _unstable(made, folder, scratch)
    return judged


def _process(made: Case, folder: Path, scratch: Path) -> Ran:
    out, err = scratch / "out", scratch / "err"
    child = os.fork()
    if not child:
        _child(made, folder, out, err)
    late = time.monotonic() + PATIENCE
    pause = 0.001
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > late:
            os.killpg(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    code = os.waitstatus_to_exitcode(status)
    return Ran(code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, out.read_bytes(), err.read_bytes())


def _child(made: Case, folder: Path, out: Path, err: Path) -> None:
    """Never returns."""
    code = 99
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        given = os.open(made.script if made.stdin else os.devnull, os.O_RDONLY)
        os.dup2(given, 0)
        for descriptor, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        for stream, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
            setattr(sys, stream, open(descriptor, "r" if not descriptor else "w", encoding="utf-8", closefd=False))
        os.environ.update(XDG_CACHE_HOME=str(folder.parent / "home"), COLUMNS="80")
        resource.setrlimit(resource.RLIMIT_AS, (HARD_MEMORY, HARD_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (HARD_SECONDS, HARD_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            code = cli.main(made.argv)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 98
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _broken(made: Case, ran: Ran) -> Iterator[str]:
    """What may not happen, of one process."""
    if ran.code < 0:
        yield f"ended by signal {-ran.code}"
    elif ran.code not in (0, 1, 2, 3):
        yield f"exit {ran.code}"
    said = ran.err + ran.out
    if b"Traceback (most recent call last)" in ran.err:
        yield "traceback"
    if (
        b"This is a fault of" in ran.err
        or b"internal error" in said.replace(b"internal error.", b"")
        or _internal(made, ran)
    ):
        yield "internal error"
    limit = SECONDS_OF_PROOFS if made.proves else SECONDS
    if ran.seconds > limit:
        yield f"more than {limit:g} s of processor time"
    if ran.memory > MEMORY:
        yield "more than 500 MB"
    if ran.code == 0 and unreadable(made):
        yield "exit 0 on what cannot be read"
    settings = any(name in made.files for name in ("nl2sql-review.toml", "pyproject.toml"))
    refused = ran.err.startswith(b"error: --add-ignores")  # a document has no place for a comment
    if ran.code == 2 and not refused and made.argv[0] not in ("plan", "memory", "data", "diff") and not settings:
        yield "exit 2 of a review"
    if ran.code == 2 and not ran.err.startswith(b"error: ") and not made.stdin:
        yield "exit 2 without a word"
    if ran.code in (0, 1) and (why := _misformed(made, ran.out)):
        yield why


def _internal(made: Case, ran: Ran) -> bool:
    return made.format == "json" and b'"internal_errors": [' in ran.out and b'"internal_errors": []' not in ran.out


def _misformed(made: Case, out: bytes) -> str:
    try:
        if made.format in ("json", "sarif", "gitlab", "rdjson"):
            json.loads(out, parse_constant=_no_json)
        elif made.format == "junit":
            ElementTree.fromstring(out)
        else:
            out.decode("utf-8")
    except (ValueError, ElementTree.ParseError) as error:
        return f"{made.format} that is none: {error}"
    return ""


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def unreadable(made: Case) -> bool:
    """Whether a script that speaks of a library is no program, a notebook no JSON."""
    data = made.files[made.script]
    if not LIBRARIES.search(data):
        return False
    if made.script.endswith(".py"):
        return not is_program(data)
    if made.script.endswith(".ipynb"):
        try:
            json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return True
    return False


def is_program(data: bytes) -> bool:
    """Whether Python takes it."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "train.py", "exec", dont_inherit=True, flags=1 << 10)  # the tree alone: nothing is folded
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False
    return True


def _unstable(made: Case, folder: Path, scratch: Path) -> Iterator[str]:
    """What is wrong with the files that were fixed."""
    now = {name: (folder / name).read_bytes() for name in made.files}
    changed = [name for name in now if now[name] != made.files[name]]
    for name in changed:
        if name.endswith(".py") and is_program(made.files[name]) and not is_program(now[name]):
            yield f"{name} is no program any more"
    if changed:
        said = (scratch / "out").read_bytes() + (scratch / "err").read_bytes()
        again = _process(made, folder, scratch)
        cut = b"the limit of steps is reached" in said  # another run may fix more
        if not cut and any((folder / name).read_bytes() != now[name] for name in now):
            yield "a second run changes it again"
        if again.code not in (0, 1):
            yield f"a second run ends with {again.code}"


# Many


def work(numbers: list[int], seed: int, sources: list[Project], out: Path, until: float, name: int) -> None:
    """Run these numbers, and write a line for each."""
    with (
        tempfile.TemporaryDirectory(prefix="fuzz") as scratch,
        open(out / f"ran-{name}.jsonl", "a", encoding="utf-8") as lines,
    ):
        for number in numbers:
            if time.monotonic() > until:
                return
            made = draw_case(seed, number, sources)
            judged = run(made, Path(scratch))
            if judged.failures:
                write(judged, seed, out)
            command = made.argv[0] if made.argv[0] in ("plan", "memory", "data", "diff", "baseline") else "review"
            command = "fix" if made.fixes else "diff of fixes" if "--diff" in made.argv else command
            told = {
                **{key: getattr(made, key) for key in ("number", "format", "proves")},
                **{"command": command, "code": judged.ran.code, "seconds": round(judged.ran.seconds, 2)},
                **{"mb": judged.ran.memory // 1_000_000, "failures": judged.failures},
            }
            lines.write(json.dumps(told) + "\n")
            lines.flush()


def write(judged: Judged, seed: int, out: Path) -> None:
    """Write a failure so that it can be replayed, and each of its files so that it can be read."""
    made, ran = judged.case, judged.ran
    told = {
        **{"seed": seed, **{name: getattr(made, name) for name in KEPT}, "failures": judged.failures},
        **{"code": ran.code, "seconds": ran.seconds, "mb": ran.memory // 1_000_000},
        "err": ran.err[-3_000:].decode("utf-8", "replace"),
        "out": ran.out[-1_000:].decode("utf-8", "replace"),
        "files": {name: base64.b64encode(data).decode() for name, data in made.files.items()},
    }
    (out / "failures").mkdir(parents=True, exist_ok=True)
    (out / "failures" / f"{made.number}.json").write_text(json.dumps(told, indent=1))


def read(path: Path) -> Case:
    """Read a failure as `write` wrote it."""
    told = json.loads(path.read_text())
    files = {name: base64.b64decode(data) for name, data in told["files"].items()}
    return Case(**{name: told[name] for name in KEPT}, files=files)


def warm() -> None:
    """Load what commands load, so that it is shared by all processes and paid for once."""
    with tempfile.TemporaryDirectory() as scratch:
        text = (ROOT / "fixtures/checklist/lora.py").read_bytes()
        for argv in (
            ["train.py"],
            ["--fix-policy", "train.py"],
            ["plan", "train.py"],
            ["memory", "train.py"],
            ["diff", "train.py", "train.py"],
        ):
            made = Case(0, "", "train.py", {"train.py": text}, argv)
            keep, here = (sys.stdout, sys.stderr), os.getcwd()
            (Path(scratch) / "train.py").write_bytes(made.files["train.py"])
            os.environ["XDG_CACHE_HOME"] = scratch
            try:
                os.chdir(scratch)
                with open(os.devnull, "w") as sys.stdout, open(os.devnull, "w") as sys.stderr:
                    cli.main([*argv, "--isolated"])
            finally:
                os.chdir(here)
                sys.stdout, sys.stderr = keep
    gc.collect()
    gc.disable()  # as the program itself does
    gc.freeze()


def summary(out: Path, seed: int, count: int) -> dict[str, object]:
    """What the lines of all runs say."""
    lines = [json.loads(line) for path in sorted(out.glob("ran-*.jsonl")) for line in path.read_text().splitlines()]
    ran = {line["number"]: line for line in lines if line["number"] < count}.values()
    kinds = Counter(re.sub(r":.*", "", failure) for line in ran for failure in line["failures"])
    return {
        **{"seed": seed, "mutants": len(ran), "asked": count, "failures": dict(kinds)},
        "failed": sorted(line["number"] for line in ran if line["failures"]),
        "exit codes": dict(Counter(str(line["code"]) for line in ran)),
        "commands": dict(Counter(line["command"] for line in ran)),
        "seconds of reviews": _spread([line["seconds"] for line in ran if not line["proves"]]),
        "seconds of proofs": _spread([line["seconds"] for line in ran if line["proves"]]),
        "mb": _spread([line["mb"] for line in ran]),
    }


def _spread(figures: list[float]) -> dict[str, float]:
    ordered = sorted(figures) or [0]
    return {"median": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "most": ordered[-1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop after so long; the same command goes on"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--public", type=Path, help="a folder of further scripts")
    parser.add_argument(
        "--out", type=Path, default=Path("fuzzed"), help="where lines and failures go (default ./fuzzed)"
    )
    parser.add_argument("--only", type=int, nargs="*", help="run these numbers again")
    parser.add_argument("--replay", type=Path, nargs="+", help="run failures as they were written")
    args = parser.parse_args()
    until = time.monotonic() + args.seconds
    warm()
    if args.replay:
        return replay(args.replay)
    sources = projects(args.public)
    args.out.mkdir(parents=True, exist_ok=True)
    done = {
        json.loads(line)["number"] for path in args.out.glob("ran-*.jsonl") for line in path.read_text().splitlines()
    }
    left = args.only or [number for number in range(args.mutants) if number not in done]
    workers = []
    for job in range(args.jobs):
        workers.append(os.fork())
        if not workers[-1]:
            try:
                work(left[job :: args.jobs], args.seed, sources, args.out, until, job)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
    ended = [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers]
    told = summary(args.out, args.seed, args.mutants)
    print(json.dumps(told, indent=1))
    (args.out / "summary.json").write_text(json.dumps(told, indent=1))
    return 1 if any(ended) or told["failures"] else 0


def replay(paths: list[Path]) -> int:
    """Run failures again; say what became of each."""
    bad = 0
    with tempfile.TemporaryDirectory(prefix="fuzz") as scratch:
        for path in paths:
            made = read(path)
            judged = run(made, Path(scratch))
            bad += bool(judged.failures)
            ran = judged.ran
            print(f"{path}: {' '.join(made.argv)}: exit {ran.code}, {ran.seconds:.2f} s, {ran.memory // 1_000_000} MB: "
                  f"{'; '.join(judged.failures) or 'as it should be'}")  # fmt: skip
    return bad


if __name__ == "__main__":
    sys.exit(main())
