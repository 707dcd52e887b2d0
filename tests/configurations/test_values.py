"""What the parsers of the programs take for a value, and the tables of keys that are read from their sources."""

from __future__ import annotations

import pytest

from nl2sql_review.flavours import keys


@pytest.mark.parametrize(
    ("value", "kind", "parser", "expected"),
    [
        ("2e-4", "float", "pydantic", 2e-4),
        ("2e-4", "float", "argparse", 2e-4),
        ("16", "int", "pydantic", 16),
        (16.0, "int", "pydantic", 16),
        (True, "int", "pydantic", 1),
        (16.5, "int", "argparse", 16.5),  # argparse converts text only
        ("yes", "bool", "pydantic", True),
        ("no", "bool", "argparse", False),
        (1, "bool", "pydantic", True),
        ("q_proj", "list[str] | None", "argparse", "q_proj"),
        ("q_proj", "str | list[str] | None", "pydantic", "q_proj"),
        ({"a": 1}, "dict[str, Any] | None", "pydantic", {"a": 1}),
        ("auto", "Literal['auto'] | bool | None", "pydantic", "auto"),
        (None, "int | None", "pydantic", None),
        (3, "float", "none", 3),
        ("x", "SaveStrategy | str", "none", "x"),
    ],
)
def test_a_parser_takes(value, kind, parser, expected):
    taken = keys.parsed(value, kind, parser)
    assert taken == expected and type(taken) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "parser"),
    [
        ("1e3", "int", "pydantic"),
        ("1e3", "int", "argparse"),
        (0.1, "int | None", "pydantic"),
        ("abc", "float", "pydantic"),
        ("abc", "float", "argparse"),
        ("maybe", "bool", "pydantic"),
        (["a"], "str", "pydantic"),
        ("a", "Optional[List[str]]", "pydantic"),
        (None, "float", "pydantic"),
        ("full", "Literal['auto'] | bool | None", "pydantic"),
        ("2e-4", "float", "none"),
        ("false", "bool", "none"),
    ],
)
def test_a_parser_refuses(value, kind, parser):
    with pytest.raises(keys.Refused):
        keys.parsed(value, kind, parser)


@pytest.mark.parametrize(
    "kind", ["int", "float", "bool", "str", "int | None", "list[str]", "str | float", "Literal['auto'] | bool | None"]
)
@pytest.mark.parametrize(
    "value", [1, 0, 16.0, 0.1, True, "16", "2e-4", "1e3", "yes", "off", "maybe", "auto", "", None, ["a"], "7.0", " 7 "],
    ids=repr
)  # fmt: skip
def test_values_are_taken_as_pydantic_itself_takes_them(kind, value):
    from typing import Literal  # noqa: F401 (in the types below)

    from pydantic import TypeAdapter, ValidationError

    try:
        expected = TypeAdapter(eval(kind)).validate_python(value)
    except ValidationError:
        with pytest.raises(keys.Refused):
            keys.parsed(value, kind, "pydantic")
        return
    found = keys.parsed(value, kind, "pydantic")
    assert found == expected and type(found) is type(expected)


SCHEMAS = """
class Base(BaseModel):
    lora_r: int | None = None
    kept: float = Field(default=1.0, json_schema_extra={"description": "x"})

class Config(Base):
    model_config = {"populate_by_name": True}
    kept: float = 2.0
    learning_rate: str | float
    made: list[str] = Field(default_factory=list)
    overrides: dict[str, Any] | None = Field(default=None, alias="model_kwargs")
    _private: int = 3
    shared: ClassVar[int] = 4

    def method(self): ...
"""


def test_registered_names_are_read_from_a_wheel(tmp_path):
    import zipfile

    from nl2sql_review.flavours import build

    with zipfile.ZipFile(tmp_path / "x.whl", "w") as wheel:
        wheel.writestr("x/made.py", 'put(name="a", n=1)\nput(name=b)\nother(name="c")\nif 1:\n    put(name="d")\n')
    assert list(build.registered(tmp_path / "x.whl", "x/made.py", "put")) == ["a", "d"]


def test_keys_are_read_from_sources_that_are_never_imported(tmp_path):
    import libcst

    from nl2sql_review.flavours import build

    classes = {node.name.value: node for node in libcst.parse_module(SCHEMAS).body if isinstance(node, libcst.ClassDef)}
    wheel = build.Wheel("x", "1", tmp_path, classes)
    assert dict(build.fields(classes["Config"], [wheel])) == {
        "lora_r": ["int | None", "None"],
        "kept": ["float", "2.0"],
        "learning_rate": ["str | float", ""],
        "made": ["list[str]", "…"],
        "overrides": ["dict[str, Any] | None", "None"],
        "model_kwargs": ["dict[str, Any] | None", "None"],
    }
