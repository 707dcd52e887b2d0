"""One call of what is modelled: the one argument of every model, of Python's own functions and of libraries' alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Union

from ...training_plan.values import Absent, Value
from .objects import Arguments, Items, object_of

if TYPE_CHECKING:
    import libcst as cst

    from .machine import Machine

NO_RECEIVER = Absent("a function has no receiver")


class ModelCall:
    """A call that a model answers.

    machine    the interpreter: its state, and what can be done in it
    arguments  of the call, evaluated; of an attribute none; of a decorator the function it stands above
    node       of the code that calls, None where nobody wrote it
    callee     canonical name of what is called, or the name of the method or attribute
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
        """The interpreter's object behind the receiver, None where it is a plain value or not known."""
        return object_of(self.receiver)

    @property
    def name(self) -> str:
        """The last part of the callee's name."""
        return self.callee.rpartition(".")[2]


Model = Callable[[ModelCall], Union[Value, None]]  # None: nothing special is known of this call
PythonModel = Callable[[ModelCall], Value]  # of Python's own functions and methods: it always answers
IterationModel = Callable[[ModelCall], Union[Items, None]]  # of `__iter__`: the elements
