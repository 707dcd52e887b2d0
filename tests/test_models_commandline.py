"""Command lines, the environment and pydantic: what the interpreter says against what Python really does.

Each script hands keyword arguments to `show(…)`. A plain run of it, with no words on the command line and an empty
environment, must pass what is said to be known or a default.
"""

from __future__ import annotations

import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.training_plan.values import Default, Known

from .claims import explain

PRELUDE = "from trl import show\n"


def said(script: str) -> dict[str, Any]:
    source = Source.from_bytes((PRELUDE + textwrap.dedent(script)).encode(), "train.py")
    calls = interpret(source, None).named("trl.show")
    return calls[-1].arguments if calls else {}


def passed(script: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    got: dict[str, Any] = {}
    trl = types.ModuleType("trl")
    trl.show = lambda **keywords: got.update(keywords)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trl", trl)
    module = types.ModuleType("script_under_test")
    monkeypatch.setitem(sys.modules, "script_under_test", module)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    exec(compile(PRELUDE + textwrap.dedent(script), "train.py", "exec"), module.__dict__)
    return got


def check(script: str, monkeypatch: pytest.MonkeyPatch, **expected: str) -> None:
    """`expected`: by argument, "known", "default" or "open" (anything that claims no value)."""
    claims, run = said(script), passed(script, monkeypatch)
    for name, kind in expected.items():
        value = claims.get(name)
        label = "known" if isinstance(value, Known) else "default" if isinstance(value, Default) else "open"
        assert label == kind, (
            f"{name}: {explain(value) if value is not None else None}, the run passed {run.get(name)!r}"
        )
        if label != "open":
            assert type(value.value) is type(run[name]) and value.value == run[name], (
                f"{name}: said {value.value!r}, passed {run[name]!r}"
            )


ARGPARSE = {
    "dest of several spellings": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("-a", "--learning-rate", type=float, default="1e-4")
        p.add_argument("-b", default=3)
        p.add_argument("--c", dest="other", default=1)
        args = p.parse_args()
        show(a=args.learning_rate, b=args.b, c=args.other)
        """,
        {"a": "default", "b": "default", "c": "default"},
    ),
    "text defaults go through the type, numbers do not": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=float, default=1)
        p.add_argument("--b", type=bool, default="False")
        p.add_argument("--c", type=lambda s: s.split(","), default="q,v")
        p.add_argument("--d", nargs="+", type=int, default="7")
        p.add_argument("--e", type=str, default=None)
        args = p.parse_args()
        show(a=args.a, b=args.b, c=args.c, d=args.d, e=args.e)
        """,
        {"a": "default", "b": "default", "c": "default", "d": "default", "e": "default"},
    ),
    "actions": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", action="store_true")
        p.add_argument("--b", action="store_false")
        p.add_argument("--c", action="append")
        p.add_argument("--d", action="count")
        p.add_argument("--e", action=argparse.BooleanOptionalAction, default=True)
        p.add_argument("--f", action="store_const", const=5)
        args = p.parse_args()
        show(a=args.a, b=args.b, c=args.c, d=args.d, e=args.e, f=args.f)
        """,
        dict.fromkeys("abcdef", "default"),
    ),
    "words of the script": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=int, default=1)
        p.add_argument("--b", action="append", default=["x"])
        p.add_argument("--c", nargs="*", type=float)
        p.add_argument("-v", action="count", default=0)
        p.add_argument("--d", action=argparse.BooleanOptionalAction, default=True)
        p.add_argument("--e", nargs="?", const="k", default="d")
        p.add_argument("--f", type=int, default="9")
        p.add_argument("g")
        args = p.parse_args(["--a=4", "--b", "y", "--c", "1", "2", "-vv", "--no-d", "--e", "--", "out"])
        show(a=args.a, b=args.b, c=args.c, v=args.v, d=args.d, e=args.e, f=args.f, g=args.g)
        """,
        dict.fromkeys("abcvdefg", "known"),
    ),
    "words that are left": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=int, default=1)
        args, rest = p.parse_known_args(["--a", "2", "--zzz"])
        show(a=args.a, rest=rest)
        """,
        {"a": "known", "rest": "known"},
    ),
    "sys.argv set by the script": (
        """
        import argparse, sys
        sys.argv = ["train.py", "--a", "2"]
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=int, default=1)
        p.add_argument("--b", type=int, default=1)
        args = p.parse_args()
        show(a=args.a, b=args.b)
        """,
        {"a": "known", "b": "known"},
    ),
    "a word with a hole": (
        """
        import argparse, random
        p = argparse.ArgumentParser()
        p.add_argument("--a", default=1)
        p.add_argument("--b", default=1)
        args = p.parse_args(["--a", str(random.random()), "--b", "2"])
        show(a=args.a, b=args.b)
        """,
        {"a": "open", "b": "known"},
    ),
    "commands": (
        """
        import argparse
        p = argparse.ArgumentParser()
        commands = p.add_subparsers(dest="command")
        t = commands.add_parser("train", help="…")
        t.add_argument("--a", type=int, default=3)
        e = commands.add_parser("eval")
        e.add_argument("--b", default=2)
        args = p.parse_args(["train", "--a", "5"])
        show(a=args.a, c=args.command, b=getattr(args, "b", None))
        """,
        {"a": "known", "c": "known", "b": "known"},
    ),
    "a namespace is written": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=int, default=3)
        args = p.parse_args()
        vars(args)["b"] = 1
        args.__dict__.update(c=2)
        setattr(args, "d", 3)
        d = dict(vars(args))
        show(**d, e=hasattr(args, "e"), f="a" in args, g=getattr(args, "x", 4))
        """,
        {"a": "default", "b": "known", "c": "known", "d": "known", "e": "known", "f": "known", "g": "known"},
    ),
    "options added by a function": (
        """
        import argparse
        def add(parser, prefix):
            group = parser.add_argument_group(prefix)
            for name, value in {"r": 8, "alpha": 16}.items():
                group.add_argument(f"--{prefix}_{name}", type=type(value), default=value)
            return parser
        args = add(argparse.ArgumentParser(), "lora").parse_args()
        show(r=args.lora_r, alpha=args.lora_alpha)
        """,
        {"r": "default", "alpha": "default"},
    ),
    "set_defaults by a dictionary": (
        """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--a", type=int, default=3)
        p.add_argument("--b", type=int, default=3)
        p.set_defaults(**{"a": "7", "zz": 1})
        args = p.parse_args()
        show(a=args.a, b=args.b, z=args.zz)
        """,
        {"a": "default", "b": "default", "z": "known"},
    ),
    "deleted and copied": (
        """
        import argparse, copy
        p = argparse.ArgumentParser()
        p.add_argument("--a", default=3)
        args = p.parse_args()
        other = copy.deepcopy(args)
        other.a = 4
        new = argparse.Namespace(**vars(args))
        del args.a
        show(a=getattr(args, "a", 9), b=other.a, c=new.a)
        """,
        {"a": "known", "b": "known", "c": "default"},
    ),
    "suppressed": (
        """
        import argparse
        p = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
        p.add_argument("--a", type=int)
        p.add_argument("--b", type=int, default=2)
        args = p.parse_args()
        show(a=getattr(args, "a", 1), b=args.b)
        """,
        {"a": "default", "b": "default"},
    ),
    "a parser of the script's own": (
        """
        import argparse
        class Parser(argparse.ArgumentParser):
            def parse_args(self, *args, **kwargs):
                found = super().parse_args(*args, **kwargs)
                found.total = found.a * 2
                return found
        p = Parser(description="…")
        p.add_argument("--a", type=int, default=3)
        args = p.parse_args()
        show(a=args.a, total=args.total)
        """,
        {"a": "default", "total": "default"},
    ),
}


@pytest.mark.parametrize("name", ARGPARSE)
def test_argparse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, expected = ARGPARSE[name]
    check(script, monkeypatch, **expected)


@pytest.mark.parametrize(
    "option",
    ['"--r", type=int, required=True', '"--r", required=True, default=5', '"r"', '"r", nargs="+"', '"r", nargs=2'],
)
def test_what_only_the_command_line_gives(option: str) -> None:
    value = said(
        f"import argparse\np = argparse.ArgumentParser()\np.add_argument({option})\nshow(r=p.parse_args().r)\n"
    )["r"]
    assert "only the command line gives it" in explain(value)


def test_defaults_name_their_option_and_their_place() -> None:
    value = said(
        'import argparse\np = argparse.ArgumentParser()\np.add_argument("-r", "--lora-r", default=5)\n'
        "show(r=p.parse_args().lora_r)\n"
    )["r"]
    assert isinstance(value, Default) and value.overridden_by == "--lora-r"
    texts = [place.source.excerpt(place.node) for place in value.trace]
    assert any("add_argument" in text for text in texts), texts


ENVIRONMENT = {
    "set before it is read": (
        'import os\nos.environ["A_B"] = "1"\nshow(a=os.getenv("A_B"), b=os.environ.get("A_B", "2"), '
        'c=os.environ["A_B"], d=int(os.environ["A_B"]))',
        dict.fromkeys("abcd", "known"),
    ),
    "defaults": (
        'import os\nshow(a=int(os.getenv("A_B", "4")), b=os.getenv("A_B") or "x", c=os.environ.get("A_B") == "1", '
        'd=os.environ.setdefault("A_B", "5"), e=os.environ["A_B"])',
        dict.fromkeys("abcde", "default"),
    ),
    "updated and removed": (
        'import os\nos.environ.update({"A_B": "1"}, C_D="2")\nx = os.environ.pop("A_B")\nshow(a=x, b=os.getenv("A_B", '
        '"gone"), c="C_D" in os.environ)',
        {"a": "known", "b": "known", "c": "known"},
    ),
    "set on one path": (
        'import os, random\nif random.random() > 2:\n    os.environ["A_B"] = "1"\nshow(a=os.getenv("A_B", "2"))',
        {"a": "open"},
    ),
    "ranks": (
        'import os\nrank = int(os.environ.get("LOCAL_RANK", -1))\nworld = int(os.environ.get("WORLD_SIZE", 1))\n'
        'show(a=rank, b=world, c=world != 1, d={"": rank} if rank >= 0 else "auto")',
        dict.fromkeys("abcd", "default"),
    ),
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("A_B", "C_D", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    script, expected = ENVIRONMENT[name]
    check(script, monkeypatch, **expected)


PYDANTIC = {
    "given values are converted, defaults are not": (
        """
        from pydantic import BaseModel
        class C(BaseModel):
            a: int
            b: float = 1
            c: int = "5"
            d: bool = True
            e: tuple[int, ...] = ()
            f: float = 0.5
        c = C(a="3", d="no", e=["1", 2], f=2)
        show(a=c.a, b=c.b, c=c.c, d=c.d, e=c.e, f=c.f)
        """,
        dict.fromkeys("abcdef", "known"),
    ),
    "nested models": (
        """
        from typing import Dict, List, Optional, Union
        from pydantic import BaseModel, Field
        class Lora(BaseModel):
            r: int = 8
            modules: List[str] = Field(default_factory=lambda: ["q"])
        class C(BaseModel):
            a: Lora = Lora()
            b: Optional[Lora] = None
            c: List[Lora] = []
            d: Dict[str, Lora] = {}
            e: "Lora | None" = None
        c = C(
            **{"a": {"r": "4"}, "b": {"modules": ["v"]}, "c": [{"r": 2}, Lora()], "d": {"x": {"r": 6}}, "e": {"r": 1}}
        )
        show(a=c.a.r, b=c.b.modules, c=c.c[0].r, d=c.d["x"].r, e=c.e.r, f=c.c[1].r, g=c.b.r)
        """,
        dict.fromkeys("abcdefg", "known"),
    ),
    "aliases": (
        """
        from pydantic import AliasChoices, BaseModel, ConfigDict, Field
        class C(BaseModel):
            a: int = Field(1, alias="rank")
            b: int = Field(default=1, validation_alias=AliasChoices("x", "y"))
        class D(BaseModel):
            model_config = ConfigDict(populate_by_name=True, extra="allow")
            a: int = Field(1, alias="rank")
        c, d = C(a=5, y=2), D(a=5, more=7)
        show(a=c.a, b=c.b, c=d.a, d=d.more)
        """,
        dict.fromkeys("abcd", "known"),
    ),
    "validators": (
        """
        from pydantic import BaseModel, field_validator, model_validator
        class C(BaseModel):
            a: int = 1
            b: int = 2
            c: int = 3
            @field_validator("a", mode="before")
            @classmethod
            def first(cls, v):
                return v.strip() if isinstance(v, str) else v
            @field_validator("a", "b")
            @classmethod
            def double(cls, v):
                return v * 2
            @model_validator(mode="after")
            def total(self):
                self.c = self.a + self.b
                return self
            @model_validator(mode="before")
            @classmethod
            def rename(cls, data):
                if "z" in data:
                    data["a"] = data.pop("z")
                return data
        c = C(z=" 4 ")
        show(a=c.a, b=c.b, c=c.c)
        """,
        dict.fromkeys("abc", "known"),
    ),
    "a validator nobody can follow": (
        """
        from pydantic import BaseModel, field_validator
        import random
        class C(BaseModel):
            a: int = 1
            @field_validator("a", mode="wrap")
            @classmethod
            def any(cls, v, handler):
                return handler(v) + 1
        show(a=C(a=3).a, b=C().a)
        """,
        {"a": "open", "b": "known"},
    ),
    "a validator in the annotation": (
        """
        from typing import Annotated
        from pydantic import AfterValidator, BaseModel, Field
        Rank = Annotated[int, AfterValidator(lambda v: v * 2)]
        class C(BaseModel):
            a: Rank = 1
            b: Annotated[int, Field(gt=0)] = 1
        c = C(a=3, b="4")
        show(a=c.a, b=c.b)
        """,
        {"a": "open", "b": "known"},
    ),
    "dumps": (
        """
        from pydantic import BaseModel, Field
        class L(BaseModel):
            r: int = 8
        class C(BaseModel):
            a: int = 1
            b: int | None = None
            c: L = Field(default_factory=L)
        c = C(a=2)
        show(
            a=c.model_dump(), b=c.model_dump(exclude={"c"}), c=c.model_dump(exclude_none=True),
            d=C.model_validate({"a": 3}).model_dump(include={"a"}), e=c.model_copy(update={"a": 9}).a,
            f=c.model_dump(exclude_unset=True),
        )
        """,
        {"a": "known", "b": "known", "c": "known", "d": "known", "e": "known", "f": "open"},
    ),
    "enumerations and paths": (
        """
        from enum import Enum
        from pathlib import Path
        from typing import Literal
        from pydantic import BaseModel
        class Kind(Enum):
            lora = "LORA"
        class C(BaseModel):
            a: Kind = Kind.lora
            b: Path = Path("x")
            c: Literal["p", "q"] = "p"
        c = C(a="LORA", b="out", c="q")
        show(a=c.a.name, b=str(c.b / "run"), c=c.c)
        """,
        dict.fromkeys("abc", "known"),
    ),
}


@pytest.mark.parametrize("name", PYDANTIC)
def test_pydantic(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, expected = PYDANTIC[name]
    check(script, monkeypatch, **expected)


def test_settings_are_the_environments(tmp_path: Path) -> None:
    script = """
    from pydantic import Field
    from pydantic_settings import BaseSettings, SettingsConfigDict
    class S(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="APP_")
        r: int = "64"
        lr: float = Field(2e-4, validation_alias="LEARNING_RATE")
        modules: list[str] = Field(default_factory=lambda: ["q"])
        token: str
    s, t = S(), S(r=3)
    show(r=s.r, lr=s.lr, modules=s.modules, token=s.token, given=t.r)
    """
    found = said(script)
    assert isinstance(found["r"], Default) and (found["r"].value, found["r"].overridden_by) == (64, "$APP_R")
    assert isinstance(found["lr"], Default) and found["lr"].overridden_by == "$LEARNING_RATE"
    assert isinstance(found["modules"], Default) and found["modules"].value == ["q"]
    assert "only the environment gives it" in explain(found["token"])
    assert isinstance(found["given"], Known) and found["given"].value == 3


def test_where_a_default_does_not_hold_it_is_not_claimed() -> None:
    found = said("""
    import argparse
    p = argparse.ArgumentParser()
    p.add_argument("--model", default=None)
    p.add_argument("--mode", default="eval")
    p.add_argument("--r", type=int, default=8)
    p.add_argument("--data", default="")
    p.add_argument("--kept", default=None)
    args = p.parse_args()
    def resolve(args):
        if args.kept is None:
            return "fallback"
        return args.kept
    if args.model is None:
        raise ValueError("--model is missing")
    if args.mode != "train":
        p.error("only training is supported")
    assert args.data, "--data is missing"
    if args.r < 1:
        raise ValueError("too small")
    show(model=args.model, mode=args.mode, r=args.r, data=args.data, resolved=resolve(args), kept=args.kept)
    """)
    assert "--model says otherwise" in explain(found["model"])
    assert "--data says otherwise" in explain(found["data"])
    assert isinstance(found["r"], Default) and found["r"].value == 8
    assert isinstance(found["resolved"], Default) and found["resolved"].value == "fallback"
    assert isinstance(found["kept"], Default) and found["kept"].value is None


def test_attributes_of_a_library_class_are_left_open() -> None:
    found = said("""
    import argparse
    from dataclasses import asdict, dataclass
    from transformers import HfArgumentParser, TrainingArguments
    @dataclass
    class Mine(TrainingArguments):
        lora_r: int = 8
    (mine,) = HfArgumentParser(Mine).parse_args_into_dataclasses()
    args = argparse.Namespace(**vars(mine))
    show(r=args.lora_r, eval=args.do_eval, has=hasattr(args, "do_eval"), d=asdict(mine), one=asdict(mine)["lora_r"])
    """)
    assert isinstance(found["r"], Default) and found["r"].overridden_by == "--lora_r"
    assert all(not isinstance(found[name], (Known, Default)) for name in ("eval", "has", "d"))
    assert isinstance(found["one"], Default) and found["one"].value == 8


def test_a_parser_that_goes_on_where_another_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    check(
        """
        import argparse
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--config", default=None)
        known, rest = first.parse_known_args()
        defaults = {"r": 4}
        if known.config:
            defaults = {"r": 5}
        if rest:
            raise ValueError(rest)
        parser = argparse.ArgumentParser(parents=[first])
        parser.add_argument("--r", type=int, default=16)
        parser.add_argument("--alpha", type=int, default=32)
        parser.set_defaults(**defaults)
        args = parser.parse_args(rest)
        show(r=args.r, alpha=args.alpha, config=args.config)
        """,
        monkeypatch,
        r="default",
        alpha="default",
        config="default",
    )
