"""Releases that a script can run on where the judged ones refuse it."""

from __future__ import annotations

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.declared import UNREADABLE
from ...libraries.replacements import REFUSED
from ...libraries.versions import allows, is_exact, key_of
from ..object_settings import last
from ..run import Run
from .imports import refused


def accepting(run: Run) -> tuple[str, ...] | None:
    """Return the releases of TRL that take what the trainer and its arguments are given; None if the judged one may.

    A release counts if one of transformers that it requires takes the rest.
    """
    if run.accepting is None:
        run.accepting = (_accepting(run),)
    return run.accepting[0]


def _accepting(run: Run) -> tuple[str, ...] | None:
    if run.versions is None or run.trainer is None:
        return None
    of_trl = refused(run, "trl")
    if not of_trl and not refused(run, "transformers"):
        return None
    makers = [call for call, _ in run.arguments.makers if call is not None]
    if not of_trl and all(_runs(run, version, makers) for version in run.versions["trl"].judged):
        return None
    return tuple(version for version in _allowed(run, "trl") if _runs(run, version, makers))


def only_before(run: Run, library: str, since: str) -> bool:
    """Return whether each release from `since` on refuses an argument of the script, which states no exact version."""
    if run.versions is None or is_exact(run.versions[library].specifier):
        return False
    made = [run.trainer, run.load.call, *(call for call, _ in run.arguments.makers)]
    given = [c for c in made if c is not None and c.certain and c.callee.startswith(f"{library}.")]
    stated = run.versions[library].specifier != UNREADABLE  # what a repository held on some day may be any of them
    releases = _allowed(run, library) if stated else store.versions(library)
    newer = [version for version in releases if key_of(version) >= key_of(since)]
    return bool(newer) and not any(all(_taken(version, call) for call in given) for version in newer)


def _taken(version: str, call: Call) -> bool:
    """Return whether a release takes the arguments of a call to its own library."""
    library, gone = call.callee.partition(".")[0], REFUSED.get(last(call.callee), {})
    if any(key_of(version) >= key_of(gone[n][1]) for n in call.arguments if n in gone):
        return False
    return _takes(_made(call, {library: version}), call)


def _allowed(run: Run, library: str) -> list[str]:
    specifier = run.versions[library].specifier if run.versions is not None else ""
    return [version for version in reversed(store.versions(library)) if allows(specifier, version)]


def _runs(run: Run, version: str, makers: list[Call]) -> bool:
    trainer = store.signature("trl", last(run.trainer.callee), version) if run.trainer is not None else None
    if trainer is None or run.trainer is None or not _takes(trainer, run.trainer):
        return False
    wanted = store.requires("trl", version, "transformers")
    for other in _allowed(run, "transformers"):
        installed = {"trl": version, "transformers": other}
        if allows(wanted, other) and all(_takes(_made(call, installed), call) for call in makers):
            return True
    return False


def _made(call: Call, installed: dict[str, str]) -> store.Signature | None:
    return store.whole(call.callee.partition(".")[0], last(call.callee), installed)


def _takes(signature: store.Signature | None, call: Call) -> bool:
    """Return whether a callable has each argument that a call gives by name; one that is not known may have it."""
    return signature is None or all(signature.accepts(name) for name in call.arguments if not name.startswith("$"))
