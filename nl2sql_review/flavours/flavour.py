"""Flavour of a configuration: everything that the rest of the package needs about a program that reads one.

These files are imported to screen directories, even if the cache has every result, so they import nothing
that takes time. `read` imports the code that turns the keys into calls.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from .keys import Keys
    from .reading import Reading


class Outline:
    """Features that identify a flavour: the top-level keys, the plain values of some, the keys of its sections."""

    __slots__ = ("keys", "values", "sections")

    def __init__(
        self, keys: frozenset[str], values: Mapping[str, object], sections: Mapping[str, frozenset[object]]
    ) -> None:
        self.keys = keys
        self.values = values  # of keys whose value is settled
        self.sections = sections  # key that holds a mapping -> the keys of that mapping


class Build:
    """Input from which `build` makes a flavour's table of keys: the classes of its library, by section.

    `files` is a pattern for the files of these classes in the wheel: a class of the same name elsewhere is
    another class. `extends`: whether they extend classes of transformers; `aliases`: what a base is assigned
    from, one line above the class. `names`: sections of names that the library registers under `name=`, each with the
    file and the function that it registers them by.
    """

    __slots__ = ("library", "files", "sections", "extends", "aliases", "plugins", "launcher", "names")

    def __init__(
        self,
        library: str,
        files: str,
        sections: Mapping[str, tuple[str, ...]],
        *,
        extends: bool = False,
        aliases: Mapping[str, str] | None = None,
        plugins: str = "",
        launcher: bool = False,
        names: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.library = library
        self.files = files
        self.sections = sections
        self.extends = extends
        self.aliases = aliases or {}
        self.plugins = plugins  # pattern of the files whose keys exist where a plugin is listed
        self.launcher = launcher  # whether the options of `accelerate launch` are keys as well
        self.names = names or {}


class Flavour:
    """Program that reads configurations.

    `detects` returns whether a file without a stated flavour is one of its own. `refuses` returns why a file that
    it detects, or that no flavour detects, trains nothing ("" if it trains, or if another program is meant).
    `read` turns the keys into calls.
    """

    __slots__ = (
        *("name", "started_by", "program", "family", "build", "read", "detects", "refuses", "plain_keys", "sections"),
        *("parser", "refusal", "unknown_key", "other_keys", "yaml", "packages"),
        *("pins", "patches", "overrides_launcher", "commands", "other_commands", "modules", "functions"),
    )

    def __init__(
        self,
        name: str,
        *,
        started_by: str,
        program: str,
        family: str,
        build: Build,
        read: Callable[[Reading], None],
        detects: Callable[[Outline], bool],
        refuses: Callable[[Outline], str] = lambda outline: "",
        plain_keys: tuple[str, ...] = (),
        sections: tuple[str, ...] = (),
        parser: Literal["pydantic", "argparse", "none"],
        refusal: str,
        unknown_key: str = "",
        other_keys: str = "",
        yaml: Literal["pyyaml", "omegaconf"] = "pyyaml",
        packages: tuple[str, ...] = (),
        pins: bool = False,
        patches: bool = False,
        overrides_launcher: bool = False,
        commands: tuple[str, ...] = (),
        other_commands: tuple[str, ...] = (),
        modules: tuple[str, ...] = (),
        functions: tuple[str, ...] = (),
    ) -> None:
        self.name = name  # as it is called on the command line, and in keys/
        self.started_by = started_by
        self.program = program  # as people know it: "unsloth train"
        self.family = family  # the project that it belongs to: "Unsloth"
        self.build = build
        self.read = read
        self.detects = detects
        self.refuses = refuses
        self.plain_keys = plain_keys  # one of them is in every configuration of its kind, and in few other files
        self.sections = sections  # the same, of keys that hold a mapping
        self.parser = parser  # see keys.parsed
        self.refusal = refusal  # what becomes of a value that it does not take
        self.unknown_key = unknown_key or refusal  # what becomes of a key that it does not know
        self.other_keys = other_keys  # who else may know a key: only one that is near to a known key is a mistake
        self.yaml = yaml  # whose YAML it reads
        self.packages = packages  # of its own, whose classes train and whose calls the plan shows
        self.pins = pins  # whether it holds back versions of the libraries that it trains with
        self.patches = patches  # whether it trains with Unsloth imported
        self.overrides_launcher = overrides_launcher  # whether its keys set the precision, whatever accelerate is told
        self.commands = commands  # that start it, of two words each: "trl sft"
        self.other_commands = other_commands  # of the same program, whose training no flavour reads: "trl dpo"
        self.modules = modules  # that start it with `python -m`
        self.functions = functions  # that start it in Python, each as its package and its own name

    @property
    def keys(self) -> Keys:
        """Every key that its configurations may have."""
        from . import keys

        return keys.of(self.name)
