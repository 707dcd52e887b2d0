"""Configuration that a script reads from files: paths, formats, OmegaConf and Hydra, and objects made of them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from nl2sql_review.interpret.core.documents import Malformed, Text, json_document, toml_document
from nl2sql_review.interpret.core.operations import freeze
from nl2sql_review.interpret.core.yaml_documents import yaml_documents
from nl2sql_review.interpret.program import interpret
from nl2sql_review.source import Source
from nl2sql_review.source.command_line import CommandLine
from nl2sql_review.training_plan.values import Known, Unknown, Value

from .claims import describe

HEAD = "import argparse, json, os, sys\nfrom pathlib import Path\nimport yaml\nfrom peft import LoraConfig\n"
ARGPARSE = "p = argparse.ArgumentParser()\np.add_argument('--config', default='config.yaml')\na = p.parse_args()\n"
CONFIG = {"config.yaml": "r: 64\nlr: 2e-4\nlora: {r: 32, target_modules: [q, v]}\n"}


def values(
    folder: Path, script: str, files: dict[str, str], name: str = "train.py", started: CommandLine | None = None
) -> dict[str, Value]:
    """What the script passes to its last LoraConfig."""
    for path, text in {**files, name: HEAD + textwrap.dedent(script)}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    source = Source.from_bytes((folder / name).read_bytes(), str(folder / name))
    return interpret(source, folder, started=started).named("LoraConfig")[-1].arguments


# Each: what is read, what the call then passes, and the files of the project beside CONFIG.
LOADED: list[tuple[str, dict[str, str], dict[str, str]]] = [
    (
        "c = yaml.safe_load(open('config.yaml'))\nLoraConfig(r=c['r'], lr=c['lr'])",
        {"r": "known 64", "lr": "known '2e-4'"}, {},
    ),
    (
        "with open('config.yaml') as f:\n    c = yaml.load(f, Loader=yaml.BaseLoader)\nLoraConfig(r=c['r'])",
        {"r": "known '64'"}, {},
    ),
    (
        "c = yaml.safe_load(Path(__file__).with_name('config.yaml').read_text())\nLoraConfig(**c['lora'])",
        {"r": "known 32", "target_modules": "known ['q', 'v']"}, {},
    ),
    (
        "c = json.load(open('c.json'), object_hook=lambda d: argparse.Namespace(**d))\nLoraConfig(r=c.lora.r)",
        {"r": "known 8"}, {"c.json": '{"lora": {"r": 8}}'},
    ),
    (
        "import tomli\nc = tomli.load(open('c.toml', 'rb'))\nLoraConfig(r=c['lora']['r'])",
        {"r": "known 8"}, {"c.toml": "[lora]\nr = 8\n"},
    ),
    (
        "from ruamel.yaml import YAML\nc = YAML(typ='safe').load(Path('config.yaml'))\nLoraConfig(lr=c['lr'])",
        {"lr": "known 0.0002"}, {},
    ),
    (
        "import configparser\nc = configparser.ConfigParser()\nc.read('c.ini')\n"
        "LoraConfig(r=c.getint('lora', 'r'), a=c['lora'].getfloat('a'), s=c['lora']['R'], f=c.get('lora', 'x', "
        "fallback=5), b=c.getboolean('lora', 'b'))",
        {"r": "known 8", "a": "known 0.5", "s": "known '8'", "f": "known 5", "b": "known True"},
        {"c.ini": "[DEFAULT]\nb = yes\n[lora]\nr = 8\na = 0.5\n"},
    ),
    (
        "LoraConfig(m=Path('m.txt').read_text().splitlines(), n=[x.strip() for x in open('m.txt')])",
        {"m": "known ['q', 'v']", "n": "known ['q', 'v']"}, {"m.txt": "q\nv\n"},
    ),
    (
        ARGPARSE + "c = yaml.safe_load(open(a.config))\nc['a'] = 1\nLoraConfig(r=c['r'], a=c['a'], d=c.get('d', 2))",
        {"r": "default 64", "a": "known 1", "d": "default 2"}, {},
    ),
    (
        "c = yaml.safe_load(open(os.environ.get('CONFIG', 'config.yaml')))\nLoraConfig(r=c['r'])",
        {"r": "default 64"}, {},
    ),
    (
        "p = argparse.ArgumentParser()\np.add_argument('--config', required=True)\n"
        "c = yaml.safe_load(open(p.parse_args().config))\nLoraConfig(r=c['r'])",
        {"r": "unknown"}, {},
    ),
    ("c = yaml.safe_load(open('nowhere.yaml'))\nLoraConfig(r=c['r'])", {"r": "unknown"}, {}),
    (
        "try:\n    c = yaml.safe_load(open('nowhere.yaml'))\nexcept FileNotFoundError:\n    c = {'r': 8}\n"
        "LoraConfig(r=c['r'])",
        {"r": "unknown"}, {},
    ),
    (
        "c = yaml.safe_load(open('config.yaml')) if os.path.exists('config.yaml') else {'r': 8}\nLoraConfig(r=c['r'])",
        {"r": "known 64"}, {},
    ),
    (
        "Path('config.yaml').write_text('r: 8')\nc = yaml.safe_load(open('config.yaml'))\nLoraConfig(r=c['r'])",
        {"r": "unknown"}, {},
    ),
    ("c = yaml.safe_load(open('../outside.yaml'))\nLoraConfig(r=c['r'])", {"r": "unknown"}, {}),
    (
        "c = yaml.safe_load(os.path.expandvars(open('config.yaml').read()))\nLoraConfig(r=c['r'])",
        {"r": "default 64"}, {"config.yaml": "r: 64\nt: $T\n"},
    ),
    ("c = yaml.safe_load(open('c.yaml'))\nLoraConfig(r=c['r'])", {"r": "unknown"}, {"c.yaml": "r: !include x\n"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "expected", "files"), LOADED, ids=[script.replace("\n", "; ")[-60:] for script, _, _ in LOADED]
)
def test_what_is_read(tmp_path: Path, script: str, expected: dict[str, str], files: dict[str, str]) -> None:
    found = values(tmp_path, script, {**CONFIG, **files})
    assert {name: describe(value) for name, value in found.items()} == expected


def test_files_of_the_same_name_leave_it_open(tmp_path: Path) -> None:
    files = {"config.yaml": "r: 8\n", "src/config.yaml": "r: 16\n"}
    found = values(tmp_path, "LoraConfig(r=yaml.safe_load(open('config.yaml'))['r'])", files, "src/train.py")
    assert "working directory" in found["r"].why  # type: ignore[union-attr]


def test_folders_between_script_and_root_are_tried(tmp_path: Path) -> None:
    found = values(
        tmp_path,
        "LoraConfig(r=yaml.safe_load(open('configs/a.yaml'))['r'])",
        {"app/configs/a.yaml": "r: 8\n"},
        "app/scripts/train.py",
    )
    assert describe(found["r"]) == "known 8"


def test_the_trace_starts_in_the_file(tmp_path: Path) -> None:
    found = values(tmp_path, "c = yaml.safe_load(open('config.yaml'))\nLoraConfig(r=c['lora']['r'])", CONFIG)
    place = next(p for p in found["r"].trace if p.source.path.endswith("config.yaml"))
    assert (place.node.row, place.node.column, place.source.excerpt(place.node)) == (3, 8, "r: 32")


# -- objects made of what was read -----------------------------------------------------------------------
OBJECTS = [
    """
    class Config:
        def __init__(self, d):
            for k, v in d.items():
                setattr(self, k, Config(v) if isinstance(v, dict) else v)
    LoraConfig(r=Config(yaml.safe_load(open('c.yaml'))).a.b.c.r)
    """,
    """
    class Config(dict):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            for k, v in self.items():
                self[k] = Config(v) if isinstance(v, dict) else v
        def __getattr__(self, name):
            return self[name]
    LoraConfig(r=Config(yaml.safe_load(open('c.yaml'))).a.b.c.r)
    """,
    """
    class Config:
        def __init__(self, path):
            self._data = yaml.safe_load(Path(path).read_text())
        def get(self, key, default=None):
            value = self._data
            for part in key.split('.'):
                if not isinstance(value, dict) or part not in value:
                    return default
                value = value[part]
            return value
    LoraConfig(r=Config('c.yaml').get('a.b.c.r'))
    """,
    """
    def merge(a, b):
        for k, v in b.items():
            if isinstance(v, dict) and isinstance(a.get(k), dict):
                merge(a[k], v)
            else:
                a[k] = v
        return a
    LoraConfig(r=merge({'a': {'b': {'c': {'r': 8}}}}, yaml.safe_load(open('c.yaml')))['a']['b']['c']['r'])
    """,
    "from easydict import EasyDict\nLoraConfig(r=EasyDict(yaml.safe_load(open('c.yaml'))).a.b.c.r)",
    "from box import Box\nLoraConfig(r=Box(yaml.safe_load(open('c.yaml'))).a['b'].c.r)",
    "from munch import munchify\nLoraConfig(r=munchify(yaml.safe_load(open('c.yaml'))).a.b.c.r)",
    "from types import SimpleNamespace\n"
    "LoraConfig(r=SimpleNamespace(**yaml.safe_load(open('c.yaml'))['a']['b']['c']).r)",
    """
    from dataclasses import dataclass
    from dacite import from_dict
    @dataclass
    class C:
        r: int
    @dataclass
    class B:
        c: C
    LoraConfig(r=from_dict(B, yaml.safe_load(open('c.yaml'))['a']['b']).c.r)
    """,
]


@pytest.mark.parametrize("script", OBJECTS, ids=range(len(OBJECTS)))
def test_objects_made_of_it(tmp_path: Path, script: str) -> None:
    found = values(tmp_path, script, {"c.yaml": "a: {b: {c: {r: 64}}}\n"})
    assert describe(found["r"]) == "known 64"


# -- paths -----------------------------------------------------------------------------------------------
PATHS = [
    ("str(Path('out') / 'model')", "known 'out/model'"),
    ("os.path.join('out', 'a', 'b.json')", "known 'out/a/b.json'"),
    ("os.path.splitext(os.path.basename('a/b.tar.gz'))[0]", "known 'b.tar'"),
    ("f\"{Path('out/x.json').with_suffix('.txt')}\"", "known 'out/x.txt'"),
    ("Path('a/b/c.d').parent.name + Path('a/b/c.d').stem", "known 'bc'"),
    ("Path('a', 'b').parts", "known ('a', 'b')"),
    ("isinstance(Path('a'), Path), isinstance('a', Path)", "known (True, False)"),
    ("Path('a') == Path('./a')", "known True"),
    ("os.path.join(os.getcwd(), 'out')", "text"),
    ("str(Path.home() / '.cache')", "text"),
    ("str(Path(__file__).resolve().parents[0] / 'out')", "text"),
    ("(Path.cwd() / 'runs' / 'a.txt').name", "known 'a.txt'"),
    ("Path('out').exists()", "term"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), PATHS, ids=[expression for expression, _ in PATHS])
def test_paths(tmp_path: Path, expression: str, expected: str) -> None:
    assert describe(values(tmp_path, f"LoraConfig(r=({expression}))", {})["r"]) == expected


# -- OmegaConf and Hydra ---------------------------------------------------------------------------------
OMEGACONF = {
    "c.yaml": (
        "model: {name: a, r: 8}\nlr: 2e-4\nout: runs/${model.name}\nsame: ${model.r}\nhome: ${oc.env:RANKS,x}\n"
        "needed: ???\n"
    ),
}
OMEGACONF_CASES = [
    ("cfg.out", "known 'runs/a'"),
    ("cfg.same", "known 8"),
    ("cfg.lr", "known 0.0002"),
    ("cfg['model']['r']", "known 8"),
    ("cfg.home", "default 'x'"),
    ("cfg.needed", "unknown"),
    ("cfg.get('nope', 3)", "known 3"),
    ("OmegaConf.select(cfg, 'model.name')", "known 'a'"),
    ("OmegaConf.merge(cfg, {'model': {'name': 'b'}}).out", "known 'runs/b'"),
    ("OmegaConf.merge(cfg, OmegaConf.from_dotlist(['model.r=16'])).same", "known 16"),
    ("OmegaConf.merge(cfg, OmegaConf.from_cli()).model.r", "default 8"),
    ("OmegaConf.to_container(cfg, resolve=True)['out']", "known 'runs/a'"),
    ("OmegaConf.to_container(cfg)['out']", "known 'runs/${model.name}'"),
    ("isinstance(cfg, dict)", "known False"),
    ("OmegaConf.merge(OmegaConf.structured(M), {'r': '16', 'x': 1}).r", "known 16"),
    ("OmegaConf.merge(OmegaConf.structured(M), {'x': 1}).x", "known 1.0"),
]


@pytest.mark.parametrize(
    ("expression", "expected"), OMEGACONF_CASES, ids=[expression for expression, _ in OMEGACONF_CASES]
)
def test_omegaconf(tmp_path: Path, expression: str, expected: str) -> None:
    head = (
        "from dataclasses import dataclass\nfrom omegaconf import OmegaConf\n@dataclass\nclass M:\n    r: int = 8\n"
        "    x: float = 0.5\ncfg = OmegaConf.load('c.yaml')\n"
    )
    assert describe(values(tmp_path, head + f"LoraConfig(r={expression})", OMEGACONF)["r"]) == expected


HYDRA = {
    "conf/config.yaml": (
        "defaults:\n  - lora: small\n  - train\n  - optional nothing: here\n  - override hydra/job_logging: disabled\n"
        "  - _self_\nseed: 1\nlr: ${train.lr}\n"
    ),
    "conf/lora/small.yaml": "r: 8\nalpha: 16\n",
    "conf/lora/large.yaml": "defaults: [small]\nr: 64\n",
    "conf/train.yaml": "# @package train\nlr: 1e-4\n",
}


def test_hydra_main(tmp_path: Path) -> None:
    script = """
    import hydra
    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        LoraConfig(r=cfg.lora.r, lr=cfg.lr, seed=cfg["seed"])
    main()
    """
    found = values(tmp_path, script, HYDRA)
    assert {k: describe(v) for k, v in found.items()} == {"r": "default 8", "lr": "default 0.0001", "seed": "default 1"}


LARGE = {"r": "known 64", "lr": "known 0.0001", "seed": "known 1"}
OVERRIDES: list[tuple[str, dict[str, str] | str]] = [
    ("", {"r": "known 8", "lr": "known 0.0001", "seed": "known 1"}),
    ("lora.r=16 seed=7", {"r": "known 16", "lr": "known 0.0001", "seed": "known 7"}),
    ("lora=large", LARGE),
    ("--config-name other", {"r": "known 64", "lr": "known 3", "seed": "known 2"}),
    ("--config-name=other seed=5", {"r": "known 64", "lr": "known 3", "seed": "known 5"}),
    ("-cp conf -cn other", {"r": "known 64", "lr": "known 3", "seed": "known 2"}),
    ("train.lr=2e-5", {"r": "known 8", "lr": "known 2e-05", "seed": "known 1"}),
    ("++seed=3 +extra.a=1 hydra.run.dir=o", {"r": "known 8", "lr": "known 0.0001", "seed": "known 3"}),
    ("sed=3", "the configuration has no sed, so Hydra stops: +sed=… adds it"),
    ("+seed=3", "the configuration has seed already, so Hydra stops: ++seed=… sets it"),
    ("seed=1,2", "seed is given several values on the command line: that is a sweep"),
    ("seed=choice(1,2)", "seed is given several values on the command line: that is a sweep"),
    ("-m seed=1,2", "the command line gives Hydra an option that is not followed: -m"),
    ("lora@other=large", "lora@other=large on the command line is not followed"),
    ("+lora=large", "+lora=large on the command line adds to a defaults list"),
    ("~lora", "a setting is removed on the command line"),
    ("lora=huge", "file conf/lora/huge.yaml was not found in the project"),
]


@pytest.mark.parametrize(("line", "expected"), OVERRIDES, ids=[line for line, _ in OVERRIDES])
def test_hydra_command_line(tmp_path: Path, line: str, expected: dict[str, str] | str) -> None:
    script = """
    import hydra
    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        LoraConfig(r=cfg.lora.r, lr=cfg.lr, seed=cfg["seed"])
    main()
    """
    files = {
        **HYDRA,
        "conf/lora/large.yaml": "r: 64\n",
        "conf/other.yaml": "defaults: [lora: large, _self_]\nseed: 2\nlr: 3\n",
    }
    started = CommandLine(f"train.py {line}", words=tuple(map(Known, line.split())))
    found = values(tmp_path, script, files, started=started)
    if isinstance(expected, dict):
        assert {k: describe(v) for k, v in found.items()} == expected
    else:
        assert {getattr(v, "why", v).replace(f"{tmp_path}/", "") for v in found.values()} == {expected}


def test_hydra_command_line_of_the_shell(tmp_path: Path) -> None:
    script = """
    import hydra
    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        LoraConfig(r=cfg.lora.r)
    main()
    """
    started = CommandLine("train.py $MORE", words=(Known("seed=2"), Unknown("$MORE is set by the shell")))
    found = values(tmp_path, script, HYDRA, started=started)
    assert describe(found["r"]) == "unknown"


def test_hydra_compose(tmp_path: Path) -> None:
    script = """
    from hydra import compose, initialize
    with initialize(config_path="conf", version_base=None):
        cfg = compose("config", overrides=["lora=large", "seed=2", "+new.x=[1, 2]"])
    LoraConfig(r=cfg.lora.r, alpha=cfg.lora.alpha, seed=cfg.seed, x=list(cfg.new.x))
    """
    found = values(tmp_path, script, {**HYDRA, "conf/lora/large.yaml": "defaults: [small, _self_]\nr: 64\n"})
    assert {k: describe(v) for k, v in found.items()} == {
        "r": "known 64",
        "alpha": "known 16",
        "seed": "known 2",
        "x": "known [1, 2]",
    }


# -- text ------------------------------------------------------------------------------------------------
TEXT = [
    ("Template('r $r').substitute(r=64)", "known 'r 64'"),
    ("Template('$a-$b').safe_substitute(a=1)", "known '1-$b'"),
    ("re.sub(r'[^a-z]+', '-', 'a/b c')", "known 'a-b-c'"),
    ("re.match(r'(\\w+)-(\\d+)', 'step-20').group(2)", "known '20'"),
    ("re.sub(r'(a+)+$', '', 'aaaa')", "known ''"),
    ("re.sub(r'(a+)+$', '', 'a' * 40 + 'b')", "term"),  # would take for ever: not tried
    ("textwrap.dedent('  a\\n  b')", "known 'a\\nb'"),
    ("ast.literal_eval('[1, 2]')", "known [1, 2]"),
]


@pytest.mark.parametrize(("expression", "expected"), TEXT, ids=[expression for expression, _ in TEXT])
def test_text(tmp_path: Path, expression: str, expected: str) -> None:
    script = f"import ast, re, textwrap\nfrom string import Template\nLoraConfig(r={expression})"
    assert describe(values(tmp_path, script, {})["r"]) == expected


TAKEN = [
    "set(inspect.signature(SFTConfig.__init__).parameters)",
    "{name for name in inspect.signature(SFTConfig).parameters}",
    "{f.name for f in fields(SFTConfig)}",
    "[f.name for f in SFTConfig.__dataclass_fields__.values()]",
]


@pytest.mark.parametrize("taken", TAKEN)
def test_only_names_every_version_takes_pass_a_signature_for_certain(tmp_path: Path, taken: str) -> None:
    script = f"""
    import inspect
    from dataclasses import fields
    from trl import SFTConfig
    given = {{"learning_rate": 1, "max_seq_length": 2}}
    taken = {taken}
    if "max_seq_length" not in taken:
        given["max_length"] = given.pop("max_seq_length")
    LoraConfig(**{{k: v for k, v in given.items() if k in taken}})
    """
    found = values(tmp_path, script, {})
    assert {name: describe(value) for name, value in found.items()} == {
        "learning_rate": "known 1",
        "max_seq_length": "either 2 absent",
        "max_length": "either 2 absent",
    }


# -- documents against the libraries that read them ------------------------------------------------------
YAML = """
a: yes
b: [no, ~, 010, 0x1F, 1_000, 3e-4, 3.0e-4, .5, "x", 'it''s', 12:30:45]
c: &anchor {x: 1, y: 2}
d: {<<: *anchor, y: 3}
e: *anchor
f: |
  two
  lines
g: >-
  folded
  text
a: last wins
1: one
on: word
"""


def plain(make: Any) -> Any:
    frozen = freeze(make())
    assert isinstance(frozen, Known)
    return frozen.value


def test_yaml_is_what_pyyaml_reads() -> None:
    assert plain(yaml_documents(Text(YAML))[0]) == yaml.safe_load(YAML)


def test_an_alias_is_the_same_object() -> None:
    items = yaml_documents(Text(YAML))[0]().value.state.items
    assert items["c"].value is items["e"].value and items["c"].value is not items["d"].value


@pytest.mark.parametrize(
    "text", ['{"a": [1, -2.5e-3, "\\u00e9\\n", null, true], "b": {}, "a": {"c": []}}', "[]", '"x"', " 12 ", "[NaN]"]
)
def test_json_is_what_json_reads(text: str) -> None:
    assert repr(plain(json_document(Text(text)))) == repr(json.loads(text))


def test_toml() -> None:
    assert plain(toml_document(Text('a = 1\n[t]\nb.c = "x"\nd = [1, 2]\n'))) == {
        "a": 1,
        "t": {"b": {"c": "x"}, "d": [1, 2]},
    }


@pytest.mark.parametrize("text", ["a: [", "a: *nowhere", "? [a]: {b", "- &a [*a]", "x: 1\n y: 2\n", "a: " + "[" * 3000])
def test_what_is_not_yaml(text: str) -> None:
    with pytest.raises(Malformed):
        yaml_documents(Text(text))


def test_many_aliases_end_in_time() -> None:
    text = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
    make = yaml_documents(Text(text))[0]
    assert len(make().value.state.items) == 30


@pytest.mark.parametrize("text", ["{", "{'a': 1}", "[1,]", ""])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(Malformed):
        json_document(Text(text))
