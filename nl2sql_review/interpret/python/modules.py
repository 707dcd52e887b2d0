"""Imports: modules of the project are found on the script's search path and executed; any other module is a library."""

from __future__ import annotations

import os.path
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import libcst as cst

from ...files import disk
from ...source import Source, SourceError
from ...source.syntax import dotted
from ...training_plan.values import Known, Unknown, Value
from ..core.library import star_library
from ..core.machine import Machine
from ..core.objects import Arguments, Module, Opaque, Scope
from ..core.state import Frame, Raised, place_of
from .variables import starred

MAX_MODULES = 80  # of the project; libraries that are asked for do not count
# Top-level names that are never a module of the project, even when a folder is called like them.
LIBRARIES = frozenset(
    "torch transformers datasets trl peft unsloth unsloth_zoo accelerate bitsandbytes wandb numpy pandas tqdm evaluate "
    "vllm xformers huggingface_hub sklearn deepspeed".split()
)


IMPORTS = (cst.Import, getattr(cst, "LazyImport", cst.Import))


def import_statement(m: Machine, node: cst.Import | cst.ImportFrom, scope: Scope) -> None:
    if isinstance(node, IMPORTS):
        for alias in node.names:
            name = alias.evaluated_name
            module = import_module(m, name)
            may_be_missing(m, module, name)
            if alias.evaluated_alias is not None:
                m.write(
                    scope,
                    alias.evaluated_alias,
                    Known(module if module is not None else Opaque(name), (place_of(scope, node),)),
                )
            else:
                top = name.split(".")[0]
                root = m.modules.get(top) if module is not None else None
                m.write(scope, top, Known(root if isinstance(root, Module) else Opaque(top), (place_of(scope, node),)))
        m.imported(node, scope, [a.evaluated_name for a in node.names])
        return
    base = absolute_name(scope.module, node)
    if base is None:
        for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
            m.write(
                scope,
                alias.evaluated_alias or alias.evaluated_name,
                Unknown("a relative import beyond the top-level package"),
            )
        return
    module = import_module(m, base) if base else None
    may_be_missing(m, module, base)
    if isinstance(node.names, cst.ImportStar):
        star_import(m, module, base, scope)
        m.imported(node, scope, [base])
        return
    for alias in node.names:
        name = alias.evaluated_name
        m.write(
            scope, alias.evaluated_alias or name, imported_name(m, module, base, name, scope, node, bool(node.relative))
        )
    m.imported(node, scope, [f"{base}.{a.evaluated_name}" for a in node.names])


OURS = __package__.partition(".")[0]
REQUIRED = frozenset("torch transformers datasets trl peft accelerate numpy".split())  # no training run does without
# What the standard library gained and lost since Python 3.10, so that it is the same whichever Python runs this.
GAINED = frozenset("tomllib annotationlib compression".split())
LOST = frozenset(
    "aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis "
    "nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib".split()
)
STANDARD = (sys.stdlib_module_names | GAINED) - LOST


def may_be_missing(m: Machine, module: Module | None, name: str) -> None:
    """Note that the environment may lack a package: a handler of its absence is not part of the plain run."""
    root = name.split(".")[0]
    if module is None and root not in REQUIRED and root not in STANDARD:
        m.may_raise_count += 1


def absolute_name(module: Module, node: cst.ImportFrom) -> str | None:
    name = dotted(node.module) if node.module is not None else ""
    if not node.relative:
        return name
    parts = module.package.split(".") if module.package else []
    up = len(node.relative) - 1
    if up > len(parts):
        return None
    parts = parts[: len(parts) - up]
    return ".".join([*parts, *([name] if name else [])])


def imported_name(
    m: Machine, module: Module | None, base: str, name: str, scope: Scope, node: cst.CSTNode | None, relative: bool
) -> Any:
    if module is None:
        if relative:  # a relative import outside of a package: the script's own folder is what was meant
            sibling = import_module(m, f"{base}.{name}" if base else name)
            if sibling is not None:
                return Known(sibling)
            m.may_raise_count += 1
            m.certainly_raises("ImportError")
            return Unknown(f"module {base or '.'} was not found in the project")
        return m.library_name(base, name)
    if name in module.scope.slots:
        return module.scope.slots[name]
    try:
        lazy = lazily(m, module, name, node)
    except Raised:  # it refuses the name; a module of that name may still be there
        lazy = None
    if lazy is not None and not isinstance(lazy, Unknown):
        return lazy
    child = import_module(m, f"{module.name}.{name}")
    if child is not None:
        return Known(child)
    if lazy is not None:
        m.may_raise_count += 1
        return lazy
    if libraries := starred(module.scope):
        return m.library_name(star_library(libraries, name), name)
    m.may_raise_count += 1
    m.certainly_raises("ImportError")
    return Unknown(f"module {base} defines no {name}")


def lazily(m: Machine, module: Module, name: str, node: cst.CSTNode | None) -> Value | None:
    """Return what a module gives for a name that it does not bind, or None if it has no way to.

    Its own `__getattr__` does (PEP 562), or the table of names of transformers' `_LazyModule`.
    """
    getter, structure = module.scope.slots.get("__getattr__"), module.scope.slots.get("_import_structure")
    if name.startswith("__"):
        return None
    if isinstance(getter, Value):
        return m.call(getter, Arguments([Known(name)]), node)
    if not isinstance(structure, Value) or "_LazyModule" not in module.scope.slots:
        return None
    for part, names in m.mapping(structure, node).items.items():
        if any(isinstance(one, Known) and one.value == name for one in m.iterate(names, node).items):
            inner = import_module(m, f"{module.name}.{part}")
            found: Value = imported_name(m, inner, f"{module.name}.{part}", name, module.scope, node, False)
            return found
    return None


def star_import(m: Machine, module: Module | None, base: str, scope: Scope) -> None:
    if module is None:
        m.write(scope.module.scope, "*", (*starred(scope.module.scope), base))
        return
    listed = module.scope.slots.get("__all__")
    names = (
        [v.value for v in m.iterate(listed, None).items if isinstance(v, Known)]
        if listed is not None
        else [n for n in module.scope.slots if isinstance(n, str) and not n.startswith("_") and n != "*"]
    )
    for name in names:
        if name in module.scope.slots:
            m.write(scope, name, module.scope.slots[name])
    if libraries := starred(module.scope):
        m.write(scope.module.scope, "*", (*starred(scope.module.scope), *libraries))


def import_module(m: Machine, name: str, quiet: bool = False) -> Module | None:
    """Return the module of the project called `name`, executed, or None if it is not in the project.

    This package itself is always a library: a script that uses it is read the same in every project.
    """
    if name.partition(".")[0] == OURS:
        return None
    if name in m.modules:
        found = m.modules[name]
        return found if isinstance(found, Module) else None
    if not name or name.split(".")[0] in LIBRARIES or len(m.recording.modules) > MAX_MODULES:
        return None
    if "." in name:
        parent_name, _, last = name.rpartition(".")
        parent = import_module(m, parent_name, quiet)
        if name in m.modules:  # the package imports it itself: each module runs once
            return import_module(m, name, quiet)
        if parent is None or parent.file is None or parent.file.name != "__init__.py" and not parent.is_folder:
            m.modules[name] = None
            return None
        folders = [parent.file if parent.is_folder else parent.file.parent]
    else:
        parent, last, folders = None, name, m.search_path
    for folder in folders:
        module = load(m, name, last, folder)
        if module is not None:
            if parent is not None:
                m.write(parent.scope, last, Known(module))
            return module
    m.modules[name] = None
    return None


Parsed = dict[tuple[str, bytes], Source]  # by path and content
_parsed: ContextVar[Parsed | None] = ContextVar("parsed", default=None)


@contextmanager
def remembering(modules: Parsed | None = None) -> Iterator[None]:
    """Cache parsed modules, for whoever reads a script again and again with small changes, or several of a project.

    By default they are added to those that are remembered already, if there are any.
    """
    known = _parsed.get() if modules is None else modules
    token = _parsed.set({} if known is None else known)
    try:
        yield
    finally:
        _parsed.reset(token)


def parsed(data: bytes, path: str) -> Source:
    known = _parsed.get()
    if known is None:
        return Source.from_bytes(data, path)
    if (path, data) not in known:
        known[path, data] = Source.from_bytes(data, path)
    return known[path, data]


def load(m: Machine, name: str, last: str, folder: Path) -> Module | None:
    for file, package in ((folder / last / "__init__.py", name), (folder / f"{last}.py", name.rpartition(".")[0])):
        data = m.project.read(file)
        if data is None:
            continue
        try:
            reviewed = m.project.reviewed if m.project.is_reviewed(file) else None
            source = reviewed if reviewed is not None else parsed(data, m.project.display(file))
            if m.project.reviewed is not None:  # one of several readings of a review: what it parses counts
                m.spend(len(data) // 8)
            tree = source.tree
        except SourceError as e:
            m.modules[name] = None
            m.recording.broken[m.project.display(file)] = e.message
            return None
        module = Module(name, source, file, package)
        run_module(m, module, tree)
        return module
    directory = folder / last
    if m.project.is_dir(directory) and not last.startswith(".") and m.project.has_python(directory):
        module = Module(name, Source(str(directory), ""), directory, name, is_folder=True)
        m.modules[name] = module
        return module
    return None


def absolute(file: Path) -> str:
    """Return `__file__`: an absolute path, links in its folder followed so that all project paths start alike."""
    return os.path.join(disk.real(file.parent), file.name)


def run_module(m: Machine, module: Module, tree: cst.Module) -> None:
    m.modules[module.name] = m.recording.modules[module.name] = module
    scope = module.scope
    scope.slots.update(
        __name__=Known(module.imported_as or module.name),
        __file__=Known(absolute(module.file))
        if module.file is not None
        else Unknown("the script has no file of its own"),
        __doc__=Known(None),
        __package__=Known(module.package or None),
    )
    frame = Frame(scope, None, m.mark(), len(m.unlikely))
    m.frames.append(frame)
    m.loops.append(None)
    try:
        m.execute(tree.body, scope)
    except Raised:
        raise
    finally:
        m.frames.pop()
        m.loops.pop()
