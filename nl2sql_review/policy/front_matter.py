"""Front matter of rule files as plain data: read as YAML, and kept as JSON in the user's cache directory."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import Any, Iterable, Mapping

from ..files import disk, user_cache
from ..files.typed_data import show


class NotYaml(ValueError):
    """Raised for front matter that is not YAML; the text is the row in the file, as `:3`, and the problem."""


class StoredHeads:
    """Heads of rule files, kept as JSON by their text, since reading them as YAML takes ten times as long.

    The user's cache directory has one file for each set of rule directories.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        folders = dict.fromkeys(map(os.path.dirname, paths))
        self._name = f"rules-{disk.digest(os.fsencode(os.pathsep.join((__file__, *folders))))}.json"
        status = os.stat(__file__)  # how a head is read
        self._reader = f"{status.st_mtime_ns} {status.st_size}"
        try:
            kept = json.loads(user_cache.read(self._name) or b"{}")
        except ValueError:
            kept = {}
        self._kept = kept.get("heads", {}) if kept.get("reader") == self._reader else {}
        self._heads: dict[str, Any] = {}

    def head(self, text: str) -> Any:
        """Return a head as plain data, from the store if its text is known there. Raises NotYaml."""
        self._heads[text] = made = self._kept[text] if text in self._kept else plain_head(text)
        return made

    def save(self) -> None:
        """Store the heads that were read, if they are new and survive JSON unchanged."""
        data = {"reader": self._reader, "heads": self._heads}
        if self._heads != self._kept and json.loads(written := json.dumps(data, default=str)) == data:
            user_cache.write(self._name, written.encode())


def plain_head(text: str) -> Any:
    """Return a head as plain data. Raises NotYaml."""
    data = _yaml(text)
    if not isinstance(data, Mapping):
        return data
    # YAML reads the keys `true` and `16` as what they are; messages are looked up by how a value is written.
    return {
        **data,
        **{k: _by_spelling(data[k]) for k in ("says", "notes", "kind", "effect") if isinstance(data.get(k), Mapping)},
    }


def _by_spelling(messages: Mapping[object, Any]) -> dict[str, Any]:
    return {k if isinstance(k, str) else show(k): v for k, v in messages.items()}


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, _loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        row = f":{mark.line + 2}" if mark else ""  # the head starts on the second line
        raise NotYaml(f"{row}: {getattr(error, 'problem', None) or error}") from None


@cache
def _loader() -> Any:
    """Return a YAML loader that reads `2e-4` as a number and `no` as a word, and rejects a repeated key."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C is not everywhere
        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
            seen = set()
            for key_node, _ in node.value:
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key_node.value} is given twice", key_node.start_mark
                    )
                seen.add(key_node.value)
            return super().construct_mapping(node, deep)

    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ["n", "~", ""]),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))
    return Loader
