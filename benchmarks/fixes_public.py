"""Public scripts, fixed: whether a fixed one still parses, settles, names what it uses, runs, and is judged no worse.

    python benchmarks/fixes_public.py OUT.jsonl FILE … [--list LIST --under FOLDER] [--jobs 14] [--seconds 500]

Each file is fixed with `--fix`, then with everything (`--fix-policy --unsafe-fixes`), in memory. OUT.jsonl gets a
line a file; files that it has already are left out, so a run can be continued. `--summary` prints what OUT.jsonl says.

The witnesses: LibCST and `json`/PyYAML read the fixed text; a second run; ruff's F821 and F811; the tests' rehearsal,
which RUNS the script on stand-ins, so do it where nothing can be harmed; and the verdicts of every rule. The scripts of
the list that share a project with a file are judged as well where they may read what was edited.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nl2sql_review.files import disk, projects  # noqa: E402
from nl2sql_review.fixes import Session  # noqa: E402
from nl2sql_review.judgement.judge import Examined  # noqa: E402
from nl2sql_review.run.reviewer import Reviewer  # noqa: E402

MODES = {"repair": (False, False), "everything": (True, True)}  # name -> (unsafe, policy)
LIMIT = 900  # seconds a file may take
MEMORY = 6 * 1024**3
HARM = ("parses", "again", "names", "exception", "worse", "others")  # keys of a mode that must be empty


def read(text: bytes, path: str) -> str:
    """Why a text cannot be read, else ""."""
    import libcst
    import yaml

    from nl2sql_review.source import Source, SourceError

    try:
        if path.endswith((".yml", ".yaml")):
            list(yaml.safe_load_all(text))
        elif path.endswith((".json", ".ipynb")):
            json.loads(text)
        if path.endswith((".py", ".ipynb")):
            source = Source.from_bytes(text, path)
            source.tree  # noqa: B018
            return "; ".join(str(problem) for problem in source.problems)
    except (ValueError, yaml.YAMLError, SourceError, libcst.ParserSyntaxError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def counted(examined: Examined) -> dict[str, Counter[str]]:
    """How often each rule fails, cannot be decided, and is found, whether it was asked for or not."""
    found: dict[str, Counter[str]] = {"fail": Counter(), "unknown": Counter(), "finding": Counter()}
    for of_rule in (*examined.rule_verdicts, *examined.others):
        for one, _ in of_rule.judged:
            if one.decision.verdict in found:
                found[one.decision.verdict][of_rule.rule.id] += 1
    for finding in examined.report.findings:
        found["finding"].update((finding.rule, *finding.related))
    return found


def worse(before: Examined, after: Examined) -> list[str]:
    """What is judged worse: an item, or more findings, failures or unknowns of a rule."""
    told = [f"status {before.report.status} -> {after.report.status}"] * (before.report.status != after.report.status)
    told += [str(fault) for fault in after.faults]
    old = {item.rule: item.verdict for item in before.report.checklist}
    for item in after.report.checklist:
        was = old.get(item.rule, "")
        if item.verdict in ("fail", "unknown") and was != item.verdict:
            told.append(f"{item.rule} {was} -> {item.verdict}")
    was_counted, is_counted = counted(before), counted(after)
    for what in was_counted:
        more = is_counted[what] - was_counted[what]
        told += [f"{rule}: {n} more {what}" for rule, n in more.items() if not any(t.startswith(rule) for t in told)]
    return told


def overlaid(root: str, files: Mapping[str, bytes], folder: str) -> str:
    """A copy of a project with some files (by real path) changed; what is not among them are links."""
    shutil.copytree(
        root, folder, copy_function=os.symlink, ignore=shutil.ignore_patterns(".git"), ignore_dangling_symlinks=True
    )
    for real, data in files.items():
        path = os.path.join(folder, os.path.relpath(real, root))
        if os.path.lexists(path):
            os.unlink(path)
        Path(path).write_bytes(data)
    return folder


def undefined(root: str, folder: str, files: Mapping[str, bytes]) -> list[str]:
    """Names that ruff finds undefined or defined twice in the edited files, and did not before."""
    from tests.fixes.oracle import names

    told = []
    for real in files:
        if real.endswith((".py", ".ipynb")):
            old, new = names(Path(real), Path(folder, os.path.relpath(real, root)))
            told += sorted(new - old)
    return told


def _error(run: Any) -> str:
    return re.sub(r" \(line .*\)|0x[0-9a-f]+|/\S*rehearsal-\w+|/\S*(before|after)\d", "", run.error)


def rehearsed(path: str, root: str, folder: str) -> dict[str, Any]:
    """How the script runs on stand-ins before and after."""
    from tests.fixes.oracle import different
    from tests.rehearsal import perform

    own = os.path.relpath(path, root)
    first, second = perform(Path(root, own), Path(root)), perform(Path(folder, own), Path(folder))
    made = {"calls": len(first.calls), "calls after": len(second.calls), "error": _error(first)[:200]}
    if not first.calls and first.error:
        return {**made, "cannot": True}
    if _error(first) != _error(second):
        further = bool(first.error) and len(second.calls) > len(first.calls)
        return {**made, "further" if further else "exception": _error(second)[:200] or "none"}
    if len(second.calls) < len(first.calls) and first.error:
        return {**made, "exception": f"sooner: {_error(second)[:200]}"}
    return {**made, "differs": different(first, second)[:5]}


def shared(reviewer: Reviewer, others: list[str], path: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """What is worse in other scripts that may read an edited file."""
    stems = [os.path.basename(real).partition(".")[0].encode() for real in files]
    for other in others:
        data = disk.script(other)
        if other == path or not any(stem in data for stem in stems):
            continue
        before = reviewer.examine(data, other, {}, every_rule=True)
        after = reviewer.examine(data, other, files, every_rule=True)
        yield from (f"{os.path.basename(other)}: {one}" for one in worse(before, after))


def settled(reviewer: Reviewer, path: str, others: list[str], mode: str, scratch: str, root: str) -> dict[str, Any]:
    """One file fixed in one mode, and what the witnesses say."""

    def examine(data: bytes, name: str, drafts: Mapping[str, bytes]) -> Examined:
        return reviewer.examine(data, name, drafts, every_rule=True)

    unsafe, policy = MODES[mode]
    data = disk.script(path)
    started = time.process_time()
    one = Session(examine, data, path, others=dict.fromkeys(others))
    before = one.now
    one.apply(unsafe, policy)
    made: dict[str, Any] = {
        "seconds": round(time.process_time() - started, 2),
        "steps": one.readings.steps,
        "made": [(f.rule, f.fix.kind, f.fix.applicability, f.fix.title) for f in one.made if f.fix is not None],
        "unfixed": Counter(why[:100] for _, why in one.unfixed()),
    }
    files = {**{r: d for r, d in one.drafts.items() if d != disk.script(r)}}
    if one.data != data:
        files[path] = one.data
    made["files"] = len(files)
    if not files:
        return made
    made["parses"] = [
        told for real, text in files.items() if (told := read(text, real)) and not read(disk.script(real), real)
    ]
    again = Session(examine, one.data, path, dict(one.drafts), others=dict.fromkeys(others))
    again.apply(unsafe, policy)
    moved = again.data != one.data or again.drafts != one.drafts
    made["again"] = (
        [f"{f.rule}: {f.fix.title}" for f in again.made if f.fix is not None] or ["changed"] if moved else []
    )
    made["worse"] = worse(before, one.now)
    made["others"] = list(shared(reviewer, others, path, files))
    files, first = {path: data, **files}, {path: data}  # the script itself is no link, also where another file changed
    folder = overlaid(root, files, os.path.join(scratch, f"after{len(os.listdir(scratch))}"))
    made["names"] = undefined(root, folder, files)
    if path.endswith((".py", ".ipynb")):
        run = rehearsed(path, root, folder)
        if "exception" in run:  # once more: a limit may have been reached on a busy machine
            folder = overlaid(root, files, os.path.join(scratch, f"after{len(os.listdir(scratch))}"))
            other = overlaid(root, first, os.path.join(scratch, f"before{len(os.listdir(scratch))}"))
            run = rehearsed(path.replace(root, other, 1), other, folder)
        made.update(run)
    return made


def examined(job: tuple[str, list[str]]) -> dict[str, Any]:
    """The line of one file."""
    path, others = job
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LIMIT)
    line: dict[str, Any] = {"path": path}
    try:
        root = os.path.realpath(projects.root(os.path.dirname(path)))
        reviewer = Reviewer(isolated=True)
        with tempfile.TemporaryDirectory() as scratch:
            line["status"] = reviewer.examine(disk.script(path), path).report.status
            if line["status"] == "reviewed":
                for mode in MODES:
                    line[mode] = settled(reviewer, path, others, mode, scratch, root)
    except Exception as error:
        import traceback

        line["fault"] = traceback.format_exc()[-1500:] or str(error)
    finally:
        signal.alarm(0)
    return line


def _late(*_: Any) -> None:
    raise TimeoutError(f"more than {LIMIT} seconds")


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))


def summary(out: str) -> int:
    """Print the figures; the number of harms."""
    lines = [json.loads(line) for line in Path(out).read_text().splitlines()]
    print(f"{len(lines)} files: {dict(Counter(line.get('status', 'fault') for line in lines))}")
    harms = 0
    for line in lines:
        if "fault" in line:
            harms += 1
            print(line["path"], line["fault"], sep="\n")
    for mode in MODES:
        of = [(line["path"], line[mode]) for line in lines if mode in line]
        fixes = [fix for _, one in of for fix in one["made"]]
        changed = [one for _, one in of if one["files"]]
        scripts = [one for one in changed if "calls" in one]
        print(
            f"\n{mode}: {len(of)} files, {len(changed)} changed, {len(fixes)} fixes "
            f"({dict(Counter(f'{kind} {safe}' for _, kind, safe, _ in fixes))}); rehearsed {len(scripts)}, of these "
            f"{sum('cannot' in one for one in scripts)} cannot be, "
            f"{sum('further' in one for one in scripts)} run further; "
            f"{sum(one['seconds'] for _, one in of):.0f} s of processor time"
        )
        for key in (*HARM, "differs", "further"):
            found = [(path, one[key]) for path, one in of if one.get(key)]
            print(f"  {key}: {len(found)}")
            for path, told in found:
                print(f"    {path}: {told}")
            harms += len(found) if key in HARM else 0
    return harms


def main() -> int:
    """Work through the files, or print the summary."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("out")
    asked.add_argument("files", nargs="*")
    asked.add_argument("--list", action="append", default=[], help="a file that names one file a line")
    asked.add_argument("--under", default=".", help="the folder that the lists' paths start from")
    asked.add_argument("--jobs", type=int, default=1)
    asked.add_argument("--seconds", type=float, default=float("inf"), help="begin no file after so many")
    asked.add_argument("--summary", action="store_true")
    told = asked.parse_args()
    if told.summary:
        return summary(told.out) > 0
    listed = [os.path.join(told.under, one) for of in told.list for one in Path(of).read_text().split("\n") if one]
    paths = [os.path.realpath(path) for path in (*told.files, *listed)]
    roots: dict[str, list[str]] = {}
    for path in paths:
        roots.setdefault(projects.root(os.path.dirname(path)), []).append(path)
    done = (
        {json.loads(line)["path"] for line in Path(told.out).read_text().splitlines()}
        if os.path.exists(told.out)
        else set()
    )
    jobs = [(path, roots[projects.root(os.path.dirname(path))]) for path in paths if path not in done]
    until = time.monotonic() + told.seconds
    with (
        open(told.out, "a") as out,
        multiprocessing.get_context("spawn").Pool(told.jobs, _bounded, maxtasksperchild=10) as pool,
    ):
        for line in pool.imap_unordered(examined, jobs):
            out.write(json.dumps(line, default=str) + "\n")
            out.flush()
            if time.monotonic() > until:
                pool.terminate()
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
