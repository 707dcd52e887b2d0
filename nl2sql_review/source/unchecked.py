"""LibCST's parser without the checks of the nodes that it makes, which take a sixth of its time.

They are for trees that a program puts together, and refuse some programs that Python runs: `await(a)if(b)else(c)`.
LibCST has no option to leave them out, so its hook is replaced, once, by one that asks whether this thread is parsing:
nodes that others make meanwhile are checked as ever.
"""

from __future__ import annotations

import threading

import libcst

_HOOK = "__post_init__"
_check = getattr(libcst.CSTNode, _HOOK, None)


class _Thread(threading.local):
    parses = False


_thread = _Thread()


def _check_unless_parsed(node: libcst.CSTNode) -> None:
    if not _thread.parses and _check is not None:
        _check(node)


if _check is not None:  # a LibCST without the hook is left as it is
    setattr(libcst.CSTNode, _HOOK, _check_unless_parsed)


def parse_module(text: str) -> libcst.Module:
    """Return the module as `libcst.parse_module` does; raises what it raises of text that it cannot read."""
    before, _thread.parses = _thread.parses, True
    try:
        return libcst.parse_module(text)
    finally:
        _thread.parses = before
