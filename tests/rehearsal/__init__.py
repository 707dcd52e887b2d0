"""Rehearsal: run a script against stand-ins of the training stack that only write down how they are called.

The interpreter claims what a script would do; a rehearsal does it. Whatever the interpreter calls Known must be
what the rehearsal recorded. Only tests rehearse: the product never runs the code it reviews.
"""

from __future__ import annotations

from .client import Recorded, Rehearsal, perform, rehearse
from .record import encode

__all__ = ["Recorded", "Rehearsal", "encode", "perform", "rehearse"]
