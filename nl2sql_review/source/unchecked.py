"""LibCST's parser without the checks of the nodes that it makes, which take a quarter of its time.

They are for trees that a program puts together; what is parsed is sound. LibCST has no option to leave them out.
"""

from __future__ import annotations

import libcst

_NODE, _HOOK = libcst.CSTNode, "__post_init__"
_CHECK = getattr(_NODE, _HOOK)


def parse_module(text: str) -> libcst.Module:
    """Return the module as `libcst.parse_module` does; raises what it raises of text that it cannot read."""
    setattr(_NODE, _HOOK, _no_check)
    try:
        return libcst.parse_module(text)
    finally:
        setattr(_NODE, _HOOK, _CHECK)


def _no_check(_: libcst.CSTNode) -> None:
    pass
