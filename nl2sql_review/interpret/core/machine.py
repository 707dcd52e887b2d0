"""Operations of the interpreter as methods of one object, so that its files need not import each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Callable, Union
from typing import Sequence as Sequence_

from ...training_plan.values import Known, Value
from .objects import Arguments, Bound, Class, Function, Items, Module, Opaque, Scope
from .recording import Call
from .state import Changes, Flow, State

if TYPE_CHECKING:
    import libcst as cst

    Block = Union[cst.BaseSuite, Sequence_[Union[cst.BaseStatement, cst.BaseSmallStatement]]]


class Machine(State, ABC):
    """The state of an interpretation, and the operations on it.

    The files of the interpreter call each other through these methods, which avoids circular imports.
    `interpreter.Interpreter` lists the function and file that implement each method.
    """

    @abstractmethod
    def evaluate(self, node: cst.CSTNode, scope: Scope) -> Value:
        """Return the value of an expression."""

    @abstractmethod
    def guarded(
        self, node: cst.BaseExpression, scope: Scope, test: Value, narrow: Callable[[], Changes] | None = None
    ) -> Value:
        """Return the value of an expression on a path that may not be taken; `narrow` enters it."""

    @abstractmethod
    def execute(self, block: Block, scope: Scope) -> Flow:
        """Execute a block and return whether a path reaches its end."""

    @abstractmethod
    def assign(self, target: cst.CSTNode, value: Value, scope: Scope) -> None:
        """Assign a value to a target: a name, an attribute, an item, or a tuple of them."""

    @abstractmethod
    def bind(self, name: str, value: Value, scope: Scope) -> None:
        """Bind a name in the scope it belongs to."""

    @abstractmethod
    def branch(
        self,
        test: Value,
        then: Callable[[], Flow],
        otherwise: Callable[[], Flow],
        contradict: Callable[[bool], None] | None = None,
    ) -> Flow:
        """Run the side that the test chooses, or both, and return whether a path continues."""

    @abstractmethod
    def parameter_defaults(self, params: cst.Parameters, scope: Scope) -> dict[str, Value]:
        """Return the defaults of a function's parameters by name."""

    @abstractmethod
    def call(self, callee: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
        """Call a value and return the result."""

    @abstractmethod
    def call_function(self, fn: Function, args: Arguments, node: cst.CSTNode | None, cls: Class | None = None) -> Value:
        """Call a function of the script. `cls`: the class whose method it is."""

    @abstractmethod
    def super_object(self, scope: Scope) -> Value:
        """Return the value of `super()` in a scope."""

    @abstractmethod
    def decorate(self, decorator: Value, value: Value, node: cst.CSTNode | None, scope: Scope) -> Value:
        """Return the result of a decorator on a function or class."""

    @abstractmethod
    def yielded(self, values: list[Value], open_: str) -> None:
        """Record a value that the current function yields. `open_`: why there may be more."""

    @abstractmethod
    def attribute(self, owner: Value, name: str, node: cst.CSTNode | None) -> Value:
        """Return the value of an attribute."""

    @abstractmethod
    def set_attribute(self, owner: Value, name: str, value: Value, node: cst.CSTNode | None, scope: Scope) -> None:
        """Set an attribute."""

    @abstractmethod
    def item(self, owner: Value, key: Value, node: cst.CSTNode | None) -> Value:
        """Return the value of an item."""

    @abstractmethod
    def set_item(self, owner: Value, key: Value, value: Value, node: cst.CSTNode | None, scope: Scope | None) -> None:
        """Set an item."""

    @abstractmethod
    def iterate(self, value: Value, node: cst.CSTNode | None) -> Items:
        """Return the elements that a loop over a value gets."""

    @abstractmethod
    def mapping(self, value: Value, node: cst.CSTNode | None) -> Items:
        """Return the items of a value used as a dictionary (`**value`)."""

    @abstractmethod
    def contains(self, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
        """Return the value of `value in owner`."""

    @abstractmethod
    def define_class(self, node: cst.ClassDef, scope: Scope) -> None:
        """Make the class of a `class` statement and bind its name."""

    @abstractmethod
    def decorated_class(self, decorator: Opaque, cls: Class) -> None:
        """Apply a library's class decorator: make a dataclass or an attrs class."""

    @abstractmethod
    def import_module(self, name: str, quiet: bool = False) -> Module | None:
        """Run a module of the project once and return it, or None if the project has no module of this name."""

    @abstractmethod
    def lazily(self, module: Module, name: str, node: cst.CSTNode | None) -> Value | None:
        """Return what a module gives for a name that it does not bind, or None if it has no way to."""

    @abstractmethod
    def import_statement(self, node: cst.Import | cst.ImportFrom, scope: Scope) -> None:
        """Bind the names of an import statement."""

    @abstractmethod
    def imported(self, node: cst.CSTNode | None, scope: Scope, names: list[str]) -> None:
        """Record imported names."""

    @abstractmethod
    def library_name(self, base: str, name: str) -> Value:
        """Return the value of a library's name."""

    @abstractmethod
    def call_library(
        self, f: Opaque, args: Arguments, node: cst.CSTNode | None, instance: Value | None = None
    ) -> Value:
        """Record the call of a library's function and return its result."""

    @abstractmethod
    def library_attribute(self, owner: Known, v: Opaque, name: str, node: cst.CSTNode | None) -> Value | None:
        """Return an attribute of a library's object, or None if nothing special is known of it."""

    @abstractmethod
    def library_item(self, owner: Known, v: Opaque, key: Value, node: cst.CSTNode | None) -> Value | None:
        """Return an item of a library's object, or None if nothing special is known of it."""

    @abstractmethod
    def library_contains(self, owner: Known, v: Opaque, value: Value, node: cst.CSTNode | None) -> Value | None:
        """Return whether a library's object contains a value, or None if nothing special is known of it."""

    @abstractmethod
    def library_iterate(self, value: Known, v: Opaque, node: cst.CSTNode | None) -> Items | None:
        """Return the elements of a library's object, or None if nothing special is known of it."""

    @abstractmethod
    def library_set_item(
        self, obj: Opaque, key: Value, value: Value, node: cst.CSTNode | None, scope: Scope | None
    ) -> None:
        """Set an item of a library's object."""

    @abstractmethod
    def record_write(self, obj: Opaque, name: str, value: Value, node: cst.CSTNode | None, scope: Scope) -> None:
        """Record a write to an attribute of a library's object."""

    @abstractmethod
    def log(self, callee: str, args: Arguments, node: cst.CSTNode | None) -> None:
        """Record text that the script prints or logs."""

    @abstractmethod
    def called(self, f: Opaque, args: Arguments, node: cst.CSTNode | None) -> Value:
        """Call a library's object: `tokenizer(text)`, `model(**batch)`."""

    @abstractmethod
    def after_construction(self, call: Call, args: Arguments, node: cst.CSTNode | None) -> None:
        """Apply a trainer's changes to its arguments after it is made."""

    @abstractmethod
    def decorated(self, decorator: Opaque, fn: Value, node: cst.CSTNode | None) -> Value | None:
        """Return the result of a library's decorator on a function, or None for the function itself."""

    @abstractmethod
    def supposed_parameter(self, fn: Function, p: cst.Param) -> Value | None:
        """Return the value that an uncalled function's parameter has by its type, or None if the type does not tell."""

    @abstractmethod
    def build_model(self, me: Known, cls: Class, args: Arguments, node: cst.CSTNode | None) -> None:
        """Fill an instance of a class that pydantic validates."""

    @abstractmethod
    def generated_method(self, f: Bound, args: Arguments, node: cst.CSTNode | None) -> Value | None:
        """Call a method that a library adds to a class of the script, or return None if it adds none of this name."""
