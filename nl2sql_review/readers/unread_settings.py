"""Settings of the training that the script defines, as field, option or constant, and nothing reads."""

from __future__ import annotations

import re
from collections import Counter
from typing import Iterator

import libcst as cst

from ..interpret.core.objects import Class, Instance
from ..libraries import store
from ..source import Source
from ..source.syntax import string_value, text_of
from ..training_plan.values import Place
from .api.arguments import Defect
from .run import Run

Written = tuple[str, str, Place]  # kind, name and definition of a setting
# A settings object that is read as a whole has every field read.
WHOLE = frozenset(
    "asdict astuple vars getattr fields attrgetter model_dump model_validate parse_obj HfArgumentParser TrlParser "
    "OmegaConf to_dict setattr locals globals __dict__ __dataclass_fields__ __annotations__ "
    "parse_known_args".split()
)
WHOLE_CODE = (".dict(", ".json(", "eval(", "exec(", "import *", "argcomplete", "namespace=")
NOT_READ = re.compile(r"\.eval\(|\bwandb\.init\([^()]*\bvars\(\w+\)")  # a model's method; what a tracker is told
# Settings by the names that scripts give them, beside those of the libraries' own arguments.
SHORT = frozenset(
    "lr rank alpha dropout epochs n_epochs num_epochs batch_size train_batch_size micro_batch_size grad_accum "
    "accumulation accumulation_steps gradient_accumulation warmup max_len max_seq_len seq_len sequence_length "
    "max_sequence_length max_prompt_length max_input_length max_target_length context_length cutoff_len "
    "block_size scheduler optimizer lora_r lora_rank lora_alpha lora_dropout lora_target_modules load_in_4bit "
    "load_in_8bit use_4bit val_size test_size patience eval_batch_size weight_decay max_grad_norm save_limit".split()
)
MADE_OF = (("transformers", "TrainingArguments"), ("trl", "SFTConfig"), ("peft", "LoraConfig"))
LAUNCHER = ("local_rank", "deepspeed", "deepspeed_config", "node_rank", "f")  # given by who starts it


def unread(run: Run) -> Iterator[Defect]:
    source, recording = run.source, run.recording
    if run.trainer is None or recording.broken or source.kind == "configuration":
        return
    modules = [m.source for m in recording.modules.values() if m.source is not source]
    if any(map(reads_whole, (source, *modules))):
        return
    written = [one for one in (*fields(run), *options(run), *constants(run)) if is_setting(one[1].lower())]
    if not written:
        return
    for kind, name, place in unused(written, source, *modules):
        yield Defect(kind, name, place, f"the {kind} {name} is set, but nothing reads it")


def unused(written: list[Written], *sources: Source) -> Iterator[Written]:
    """Yield those of some settings whose names stand nowhere but where they are defined."""
    used = uses({name for _, name, _ in written}, *sources)
    for kind, name, place in written:
        flags = place.node.args[:1] if kind == "option" else ()  # `--lora_r` has the name of its option in it
        own = words_of([arg.value for arg in flags if isinstance(arg.value, cst.SimpleString)]).count(name)
        if used[name] == own:
            yield kind, name, place


def reads_whole(source: Source) -> bool:
    """Whether a source may read all that a settings object has, without naming it."""
    text = NOT_READ.sub("", source.text)
    named = [word for word in WHOLE if word in text]  # "eval" in "eval_steps" too: whole words cost more
    return any(re.search(rf"\b{word}\b", text) for word in named) or any(code in text for code in WHOLE_CODE)


def is_setting(name: str) -> bool:
    """Return whether a name is that of a training setting: other names may be there for people."""
    return name in SHORT or any(name in store.ever(*owner) for owner in MADE_OF)


def idle_options(run: Run, *modules: Source) -> list[Place]:
    """Return the options of the script's parser that no source reads, whatever they are called."""
    if any(map(reads_whole, (run.source, *modules))):
        return []
    return [place for _, _, place in unused(list(options(run)), run.source, *modules)]


def uses(names: set[str], *sources: Source) -> Counter[str]:
    """Count how often each name is read: as a variable, an attribute, or a word of a string that is not a docstring."""
    found: Counter[str] = Counter()
    for nodes in [source.nodes for source in sources]:
        found.update([one.value for one in nodes.of(cst.Name) if one.value in names])
        found.update([one.attr.value for one in nodes.of(cst.Attribute) if one.attr.value in names])
        found.update([word for word in words_of(nodes.of(cst.SimpleString)) if word in names])
        # written, not read
        found.subtract([one.keyword.value for one in nodes.of(cst.Arg) if one.keyword is not None])
        targets = [one.target for one in nodes.of(cst.AssignTarget)] + [one.target for one in nodes.of(cst.AnnAssign)]
        found.subtract([target.value for target in targets if isinstance(target, cst.Name)])
        docstrings = [line.value for line in nodes.of(cst.Expr) if isinstance(line.value, cst.SimpleString)]
        found.subtract([word for word in words_of(docstrings) if word in names])
    return found


def words_of(strings: list[cst.SimpleString]) -> list[str]:
    """The words of string literals, as often as they stand there."""
    texts = [text for text in map(string_value, strings) if isinstance(text, str)]
    return re.findall(r"\w+", "\n".join(texts))


def fields(run: Run) -> Iterator[Written]:
    """Yield the fields of the script's dataclasses whose instances stay inside the script."""
    handed = {id(o.cls) for c in run.calls for v in c.arguments.values() if (o := instance(v)) is not None}
    for cls in run.recording.classes:
        if not isinstance(cls, Class) or cls.kind != "dataclass" or not cls.used or cls.library_base() is not None:
            continue
        if id(cls) in handed or cls.module.source is not run.source or any(c is not cls for c in cls.mro()):
            continue
        for field in cls.fields.values():
            if field.node is not None and not field.name.startswith("_"):
                yield "field", field.name, Place(run.source, field.node)


def instance(value: object) -> Instance | None:
    inner = getattr(value, "value", None)
    return inner if isinstance(inner, Instance) else None


def options(run: Run) -> Iterator[Written]:
    """Yield the options of the script's argparse parser.

    An option without a long name (`--…`) is left out, since there is no name to search for.
    """
    for node in run.source.nodes.of(cst.Call):
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "add_argument":
            continue
        words = [text_of(a.value) or "" for a in node.args if a.keyword is None]
        long = next((w[2:] for w in words if w.startswith("--")), "")
        if not long or {"dest", "action"} & {a.keyword.value for a in node.args if a.keyword is not None}:
            continue
        name = long.replace("-", "_")
        if name not in LAUNCHER:
            yield "option", name, Place(run.source, node)


def constants(run: Run) -> Iterator[Written]:
    """Yield the constants of the script, in capitals, with a plain value."""
    for statement in run.source.tree.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        for one in statement.body:
            if isinstance(one, cst.Assign) and len(one.targets) == 1 and isinstance(one.targets[0].target, cst.Name):
                name = one.targets[0].target.value
                plain = isinstance(one.value, (cst.Integer, cst.Float, cst.SimpleString))
                if name.isupper() and len(name) > 2 and plain:
                    yield "constant", name, Place(run.source, one)
