"""One call of a modelled function: the only argument of every model, for Python's own functions and for libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Union

from ...training_plan.values import Absent, Value
from .objects import Arguments, Items, object_of

if TYPE_CHECKING:
    import libcst as cst

    from .machine import Machine

NO_RECEIVER = Absent("a function has no receiver")


class ModelCall:
    """A call that a model handles.

    machine    the interpreter: its state and its operations
    arguments  the evaluated arguments; none for an attribute; for a decorator the decorated function
    node       the calling code, or None if no code in the script makes the call
    callee     canonical name of the callee, or the name of the method or attribute
    receiver   the object whose method or attribute it is, the decorator, or `NO_RECEIVER`
    """

    __slots__ = ("machine", "arguments", "node", "callee", "receiver")

    def __init__(
        self,
        machine: Machine,
        arguments: Arguments,
        node: cst.CSTNode | None,
        callee: str = "",
        receiver: Value = NO_RECEIVER,
    ) -> None:
        self.machine, self.arguments, self.node, self.callee, self.receiver = machine, arguments, node, callee, receiver

    @property
    def owner(self) -> Any:
        """The interpreter's object behind the receiver, or None if it is a plain value or not known."""
        return object_of(self.receiver)

    @property
    def name(self) -> str:
        """The last part of the callee's name."""
        return self.callee.rpartition(".")[2]


Model = Callable[[ModelCall], Union[Value, None]]  # None: nothing special is known of this call
PythonModel = Callable[[ModelCall], Value]  # of Python's own functions and methods: it always answers
IterationModel = Callable[[ModelCall], Union[Items, None]]  # of `__iter__`: the elements
