"""Versions that a script installs by its own calls: the image of a cloud function, a command that it starts."""

from __future__ import annotations

from typing import Any, Iterator

from ...interpret.core.recording import Call, Recording
from ...libraries.declared import INSTALL, UNREADABLE, Statement, requirement
from ..derive import contents
from ..object_settings import last

OF_IMAGE = ("pip_install", "uv_pip_install")  # modal.Image
STARTS = ("os.system", *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")))


def stated(recording: Recording) -> list[Statement]:
    """Return what every run installs; of a library that two images install differently, no version is known."""
    found: dict[str, Statement] = {}
    for call in recording.calls:
        for one in () if call.conditional else of_call(call):
            before = found.setdefault(one.library, one)
            if before.specifier != one.specifier:
                found[one.library] = Statement(one.library, UNREADABLE, one.said)
    return list(found.values())


def of_call(call: Call) -> Iterator[Statement]:
    name, given = last(call.callee), [contents(value) for value in call.arguments.values()]
    if name in OF_IMAGE and call.callee.startswith("modal."):
        said, requirements = f"{name} of the image", list(words(given))
    elif call.callee in STARTS or name == "run_commands":
        command = " ".join(words(given)).replace("-m pip", "pip")
        match = INSTALL.search(command)
        said, requirements = "installed by the script", match[1].split("&&")[0].split() if match else []
    else:
        return
    for word in requirements:
        made = None if word.startswith("-") else requirement(word, said)
        if made is not None:
            yield made


def words(given: Any) -> Iterator[str]:
    """Yield the texts among the arguments, also those in lists."""
    for one in given:
        one = contents(one)
        if isinstance(one, str):
            yield one
        elif isinstance(one, (list, tuple)):
            yield from words(one)
