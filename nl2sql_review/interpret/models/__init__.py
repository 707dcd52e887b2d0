"""Models of the Python that training scripts use. Importing this package registers them all."""

from . import datasets, standard  # noqa: F401


def wire(m):  # type: ignore[no-untyped-def]
    """Hooks of the machine that models answer."""
    from . import generated

    m.generated_method = lambda *args: generated.generated_method(m, *args)
    m.pydantic_extra = generated.pydantic_extra
    m.pydantic_setting = generated.pydantic_setting
    m.environ = None
    m.imported = lambda node, scope, names: imported(m, node, scope, names)


def imported(m, node, scope, names):  # type: ignore[no-untyped-def]
    from ..machine import place_of

    if not m.silent:
        m.recording.imports.extend((name, place_of(scope, node)) for name in names)
