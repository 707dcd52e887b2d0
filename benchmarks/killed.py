"""Runs killed at random instants while they fix and while they keep reviews: a figure of docs/security.md.

    python benchmarks/killed.py [--times 200] [--seed 20]

Each system call by which files are made or exchanged is followed by a pause, so that instants fall between any two of
them. After each kill the file is the old or the new one, the cache answers as a review without it does, and once a
whole run has followed, nothing is left of the killed one. Ends with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review import cli  # noqa: E402
from nl2sql_review.files import beside  # noqa: E402

PAUSE = 0.02  # seconds
CALLS = ("open", "replace", "fsync", "chmod", "unlink", "makedirs", "mkdir")
FIX = ["--isolated", "--no-cache", "--fix-policy", "train.py"]
REVIEW = ["--isolated", "--output-format", "json", "train.py"]
PLAIN = [*REVIEW, "--no-cache"]
SCRIPT = (ROOT / "fixtures/checklist/lora.py").read_bytes()


def started(argv: list[str], slow: bool) -> int:
    """Start a command in a process of its own; its output goes to `out`."""
    child = os.fork()
    if child:
        return child
    out = os.open("out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(out, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for name in CALLS if slow else ():
        setattr(os, name, slowed(getattr(os, name)))
    try:
        cli.main(argv)
        sys.stdout.flush()
    finally:
        os._exit(0)


def slowed(call):  # type: ignore[no-untyped-def]
    def then_wait(*args, **words):  # type: ignore[no-untyped-def]
        made = call(*args, **words)
        time.sleep(PAUSE)
        return made

    return then_wait


def whole(argv: list[str], slow: bool = False) -> tuple[bytes, float]:
    """The output of a run that nobody kills, and how long it took."""
    began = time.monotonic()
    os.waitpid(started(argv, slow), 0)
    return Path("out").read_bytes(), time.monotonic() - began


def killed(argv: list[str], after: float) -> bool:
    """Whether a run was killed before it came to its end."""
    child = started(argv, slow=True)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def instant(draw: Random, seconds: float) -> float:
    """When to kill: half of the time at any instant, half of it towards the end, where files are written."""
    return draw.uniform(draw.choice([0, seconds * 0.6]), seconds)


def left() -> list[str]:
    return [str(path) for path in Path().rglob(f"*{beside.SUFFIX}")]


def fixes(times: int, draw: Random) -> Counter[str]:
    """Kill runs of `--fix-policy`; count what became of the file."""
    Path("train.py").write_bytes(SCRIPT)
    _, seconds = whole(FIX, slow=True)
    new = Path("train.py").read_bytes()
    assert new != SCRIPT
    said: Counter[str] = Counter()
    for _ in range(times):
        Path("train.py").write_bytes(SCRIPT)
        said["killed" if killed(FIX, instant(draw, seconds)) else "ended before"] += 1
        now = Path("train.py").read_bytes()
        said["old" if now == SCRIPT else "new" if now == new else "TORN"] += 1
        said["had left a file"] += bool(left())
        Path("train.py").write_bytes(SCRIPT)
        whole(FIX)
        said["NOT MENDED BY THE NEXT RUN"] += Path("train.py").read_bytes() != new
        said["STILL LEFT"] += bool(left())
    return said


def keeps(times: int, draw: Random) -> Counter[str]:
    """Kill runs that fill the cache, every second time a new one; count what the next runs make of it."""
    Path("train.py").write_bytes(SCRIPT)
    plain, _ = whole(PLAIN)
    _, seconds = whole(REVIEW, slow=True)
    said: Counter[str] = Counter()
    for number in range(times):
        if number % 2:
            for path in sorted(Path().rglob("*"), reverse=True):
                if path.name not in ("train.py", "out"):
                    path.rmdir() if path.is_dir() else path.unlink()
        else:
            for path in Path(".nl2sql_review_cache").glob("*.json"):
                path.unlink()
        said["killed" if killed(REVIEW, instant(draw, seconds)) else "ended before"] += 1
        said["had left a file"] += bool(left())
        said["ANSWERED OTHERWISE"] += whole(REVIEW)[0] != plain or whole(REVIEW)[0] != plain
        kept = sorted(path.name for path in Path(".nl2sql_review_cache").iterdir() if not path.name.endswith(".json"))
        said["NOT MARKED"] += kept != [".gitignore", "CACHEDIR.TAG"]
        said["STILL LEFT"] += bool(left())
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    bad = 0
    for each in (fixes, keeps):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "home")
            Path("train.py").write_bytes(SCRIPT)
            with open(os.devnull, "w") as sys.stdout:
                cli.main(PLAIN)  # what all runs load
            sys.stdout = sys.__stdout__
            said = each(args.times, Random(args.seed))
            print(f"{each.__name__}: {', '.join(f'{count} {what}' for what, count in said.items())}")
            bad += sum(count for what, count in said.items() if what.isupper())
            os.chdir(ROOT)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
