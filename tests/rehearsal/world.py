"""The machine a script believes it runs on: two variants, within limits, without a network."""

from __future__ import annotations

import builtins
import datetime
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time
from typing import Any

from .standins import plain

SECONDS, BYTES = 10, 2 * 1024**3
# Variables of the environment, compiled here once and not in every child.
ASKED = re.compile(r"""(?:getenv|environ\.get|environ\.setdefault|environ\.pop)\(\s*["'](\w+)""")
SET = re.compile(r"""environ\[\s*["'](\w+)["']\s*\]\s*=[^=]""")
NEEDED = re.compile(r"""environ\[\s*["'](\w+)["']\s*\](?!\s*=[^=])""")


def limit() -> None:
    """Bound time, memory and the size of files, and refuse the network and other programs."""
    signal.alarm(SECONDS)
    for kind, amount in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, BYTES),
        (resource.RLIMIT_FSIZE, 10 * 1024**2),
    ):
        resource.setrlimit(kind, (amount, amount))
    denied = {
        "socket.connect",
        "socket.bind",
        "socket.getaddrinfo",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.kill",
    }

    def refuse(event: str, args: Any) -> None:
        if event in denied:
            raise PermissionError(f"a rehearsal does not do that: {event}")

    sys.addaudithook(refuse)


def furnish(text: str) -> None:
    """Set up what the environment decides. `text` is the source of the project: it tells which variables matter."""
    names, given = ASKED.findall(text), SET.findall(text)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    needed = set(NEEDED.findall(text)) - {*names, *given}
    os.environ.update(dict.fromkeys(needed, "3" if plain() else "5"))
    if not plain():
        os.environ.update(dict.fromkeys(names, "7"))
    typed = {"question": "How many?", "sql": "SELECT 1"} if plain() else {"question": "Who?", "sql": "SELECT 2"}
    builtins.input = lambda prompt="": json.dumps(typed)  # a row, which is a text as well
    os.cpu_count = lambda: 8 if plain() else 16
    time.sleep = lambda seconds: None

    class Finished:
        """What subprocess.run(["nvidia-smi"]) and its like come to."""

        stdout = stderr = "" if plain() else "5"
        returncode = 0 if plain() else 1

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

    subprocess.run = Finished
    subprocess.check_output = lambda *args, **kwargs: (
        Finished.stdout if kwargs.get("text") else Finished.stdout.encode()
    )
    subprocess.call = subprocess.check_call = os.system = lambda *args, **kwargs: Finished.returncode
    if not plain():
        _another_day()
        _another_disk()


def _another_day() -> None:
    shift, now = 400 * 86400, time.time

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime.datetime:
            return cls.fromtimestamp(now() + shift, tz)

        utcnow = today = now

    class LaterDate(datetime.date):
        @classmethod
        def today(cls) -> datetime.date:
            return cls.fromtimestamp(now() + shift)

    datetime.datetime, datetime.date = Later, LaterDate
    localtime, strftime = time.localtime, time.strftime
    time.time = lambda: now() + shift
    time.localtime = lambda seconds=None: localtime(now() + shift if seconds is None else seconds)
    time.strftime = lambda form, when=None: strftime(form, time.localtime() if when is None else when)


def _another_disk() -> None:
    """A disk on which earlier runs have left folders: what is looked for outside the project exists."""

    def left_over(path: Any) -> bool:
        name = os.path.basename(str(path).rstrip("/"))
        return isinstance(path, (str, os.PathLike)) and "." not in name and name != "__pycache__"

    for name in ("exists", "isdir"):
        real = getattr(os.path, name)
        setattr(os.path, name, lambda path, real=real: real(path) or left_over(path))
    for name in ("exists", "is_dir"):
        real = getattr(pathlib.Path, name)
        setattr(pathlib.Path, name, lambda self, real=real: real(self) or left_over(self))
    listdir = os.listdir
    os.listdir = lambda path=".": listdir(path) if os.access(path, os.R_OK) else ["checkpoint-500", "checkpoint-1000"]
