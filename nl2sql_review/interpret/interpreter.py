"""The complete machine: each method with the function that implements it."""

from __future__ import annotations

from .core import library, library_items
from .core.machine import Machine
from .models.commandline import dataclass_parsers, process
from .models.config import pydantic
from .models.standard import generated
from .models.training import stack
from .python import (
    assignments,
    attributes,
    branches,
    calls,
    classes,
    expressions,
    items,
    iteration,
    membership,
    modules,
    statements,
    variables,
)


class Interpreter(Machine):
    """A machine with Python (`python/`), libraries (`core/library.py`) and their models (`models/`)."""

    evaluate = expressions.evaluate

    execute = statements.execute
    assign = assignments.assign
    bind = variables.bind
    branch = branches.branch
    guarded = branches.guarded
    parameter_defaults = statements.parameter_defaults

    call = calls.call
    call_function = calls.call_function
    super_object = calls.super_object
    decorate = calls.decorate
    yielded = calls.yielded

    attribute = attributes.attribute
    set_attribute = attributes.set_attribute
    item = items.item
    set_item = items.set_item
    iterate = iteration.iterate
    mapping = iteration.mapping
    contains = membership.contains

    define_class = classes.define_class
    decorated_class = classes.decorated_class
    generated_method = generated.generated_method
    build_model = pydantic.build

    import_module = modules.import_module
    lazily = modules.lazily
    import_statement = modules.import_statement
    imported = library.imported

    library_name = library.library_name
    library_attribute = library.library_attribute
    library_item = library_items.library_item
    library_contains = library_items.library_contains
    library_iterate = library_items.library_iterate
    library_set_item = library_items.library_set_item
    call_library = library.call_library
    called = stack.called
    after_construction = stack.after_construction
    decorated = library.decorated
    supposed_parameter = dataclass_parsers.supposed_parameter
    record_write = library.record_write
    log = library.log

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.shared = process.start()
