"""Reviews each bomb in a process of its own, which the system ends past its limits; prints a line of JSON for each.

Run as `python -m tests.hostile.explode`. What all reviews need is loaded before, and not counted.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys

from nl2sql_review.run.reviewer import Reviewer

from .bombs import BOMBS, script

SECONDS = 10  # of processor time, five times what is promised: machines differ, and what never ends goes past any
MEMORY = 500 * 1024 * 1024  # bytes beyond what a review of nothing takes


def main() -> None:
    reviewer = Reviewer(isolated=True)
    reviewer.file(script("ljust").encode(), "train.py")
    gc.freeze()  # the children share these objects and need not look at them
    for name in BOMBS:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _explode(reviewer, name, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        print(json.dumps([name, json.loads(said) if said else None]), flush=True)


def _explode(reviewer: Reviewer, name: str, writing: int) -> None:
    """In the child: never returns."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (used + SECONDS, used + SECONDS))
    report, faults = reviewer.file(script(name).encode(), "train.py")
    items = {item.rule: (item.verdict, item.reason) for item in report.checklist}
    rules = [finding.rule for finding in report.findings]
    told = [report.status, rules, items.get("lora/rank"), [fault.message for fault in faults]]
    os.write(writing, json.dumps(told).encode())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
