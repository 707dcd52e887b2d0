"""Runs the causes and prints what each one does.

    python benchmarks/silent/run.py                    # every cause, one line of JSON each
    python benchmarks/silent/run.py loss.packing_strategy …   # these only

Everything runs on a CPU in minutes. What depends on a version is run again in an environment that has that version.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tiny  # noqa: E402

SECTIONS = ("trainable", "loss", "kept", "artifact", "parity", "distributed", "settings")


def main() -> int:
    wanted = sys.argv[1:]
    failed = 0
    for section in SECTIONS:
        if not (Path(__file__).parent / f"{section}.py").exists():
            continue
        for cause in importlib.import_module(section).CAUSES:
            name = f"{section}.{cause.__name__}"
            if wanted and not any(name.startswith(w) for w in wanted):
                continue
            try:
                said = cause()
            except Exception as error:
                said, failed = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}, failed + 1
            print(json.dumps({"cause": name, **tiny.versions(), **said}, ensure_ascii=False), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
