"""The run's tokenizer: its kind of model, its chat template, and the tokens that the script sets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator

from ...interpret.core.recording import Call
from ...libraries.store import finds_answers
from ...training_plan.facts import TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Term, Unknown, Value, overrider
from ..dataset.columns import argument
from ..derive import is_true
from ..object_settings import last
from ..run import Run
from . import chat_template, markers
from .models import Member, Template, member, unsloth_template
from .text import EOS_LITERALS
from .tokenizers import Family, bos_literals, family, has_chat_template

if TYPE_CHECKING:
    from ...flavours.reading import Stated

LOADERS = ("Tokenizer", "TokenizerFast", "Processor")
SETTERS = ("get_chat_template", "setup_chat_format", "clone_chat_template")
CHATML_END = "<|im_end|>"
BRANCH = "which chat template is set depends on a branch"
# A condition on what a template contains, rather than on whether there is one.
CONTENT = re.compile(
    r"""["'] (?:not )?in |[!=]= |chat_template\.\w+\("""
    r"""|\b(?!(?:getattr|hasattr|bool|len|isinstance)\b)\w+\([^()]*\.chat_template"""
)
REWRITES = ("unsloth",)  # owners whose copies of models bring chat templates that they changed


@dataclass(slots=True)
class ChatEnd:
    """End of an answer in the applied chat template. `why` is the reason if it is not known.

    `token`: "eos" for the tokenizer's own token, a literal, or "" if it writes none. `starts_with_bos` and
    `in_loss` (whether the template's own markers put the token among the assistant's) are None if unknown;
    `marked` is whether it has such markers at all. `line_feed`: whitespace follows the last turn.
    """

    token: str = ""
    by: str = ""
    why: str = ""
    starts_with_bos: bool | None = None
    line_feed: bool = False
    marked: bool | None = None
    in_loss: bool | None = None
    sets_eos: str = ""  # the token that setting the template makes the tokenizer's EOS token


class Tokenizer:
    """The script's settings of the model's tokenizer."""

    def __init__(self, run: Run, plan: TrainingPlan) -> None:
        name = run.load.value("model_name", "pretrained_model_name_or_path")
        if not isinstance(name, (Known, Default)):
            name = plan.lora.model_name.value
        said = name.value if isinstance(name, (Known, Default)) else None
        self.overridden_by: str = overrider(name)  # the option that may name another model
        self.model_name = said if isinstance(said, str) else None
        self.stated: Stated | None = run.configuration.text if run.configuration is not None else None
        self.family: Family | None = family(self.model_name)
        self.member: Member | None = member(self.model_name)
        calls = [c for c in run.calls if run.before_training(c)]
        setters = [c for c in calls if last(c.callee) in SETTERS or written_template(c) is not None]
        self.setter: Call | None = setters[-1] if setters else None
        self.file: Value = run.arguments.value("chat_template_path")
        self.project = run.recording.project
        self.versions = run.versions
        self.template: Value = self._named()
        tokens = [c for c in calls if c.callee.endswith((".eos_token=", ".add_special_tokens", ".eos_token_id="))]
        self.settled = not [c for c in setters if written_template(c) is None] and not tokens
        named = [*(v for c in tokens for v in special(c)), run.arguments.value("eos_token")]
        given = [v.value for v in named if isinstance(v, (Known, Default)) and isinstance(v.value, str) and v.value]
        if self.stated is not None and self.stated.eos:
            given.append(self.stated.eos)
        self.own_eos: tuple[str, ...] = tuple(given)
        self.eos_open = any(isinstance(v, (Unknown, Either, Term)) for v in named)
        self.literals = EOS_LITERALS + self.own_eos
        self.assistant_only = is_true(run.arguments.value("assistant_only_loss"))
        self.added = tuple({t for c in calls for t in added_tokens(c)})
        self.adds_eos = any(is_true(c.get("add_eos_token")) for c in calls) or any(
            any(map(is_true, c.arguments.values())) for c in calls if c.callee.endswith(".add_eos_token=")
        )

    def _named(self) -> Value:
        """Return the name of a known template that the script sets; Absent for the model's own."""
        call = self.setter
        if call is None:
            return Absent() if isinstance(self.file, Absent) else Unknown("the template is another file's or model's")
        if written_template(call) is not None:
            return Unknown("the script writes a chat template of its own")
        if last(call.callee) == "setup_chat_format":
            return Known("chatml")
        if last(call.callee) == "clone_chat_template":
            return Unknown("the chat template is that of another model")
        value = call.get("chat_template", "$1")
        return Known("chatml") if isinstance(value, Absent) else value  # get_chat_template's default

    @property
    def turns(self) -> tuple[str, str] | None:
        own = self.member is None or self.family is None or self.member.family == self.family.name
        return markers.turns_of(self.template, self.family, own and has_chat_template(self.model_name))

    @property
    def written_text(self) -> chat_template.Written | None:
        """The text that a template writes which the script sets on every path; None if there is no such template."""
        value = written_template(self.setter) if self.setter is not None and not self.setter.conditional else None
        if not isinstance(value, (Known, Default)) or not isinstance(value.value, str) or "{" not in value.value:
            return None
        try:
            return chat_template.read(value.value)
        except chat_template.Unread:
            return None

    @property
    def words(self) -> str:
        """The model's name for use in a sentence."""
        return self.model_name or "the model"

    def of_model(self, value: Value) -> Value:
        """Return what was found by the model's name: a default where an option may name another model."""
        if not self.overridden_by or not isinstance(value, Known):
            return value
        return Default(value.value, self.overridden_by, value.trace)

    @property
    def takes_models_template(self) -> bool:
        """Whether the chat template is the model's own, or the model's own decides which it is."""
        setter = self.setter
        return isinstance(self.file, Absent) if setter is None else setter.conditional

    # -- what stops it -------------------------------------------------------------------------------------------

    def stops(self, end: ChatEnd | None = None) -> tuple[str, ...] | None:
        """Return the tokens at which the model stops, or None if unknown."""
        if self.eos_open:
            return None
        mapped = (end.sets_eos,) if end is not None and end.sets_eos else ()
        given = (*self.own_eos, *mapped)
        if self.member is None:
            return given or None
        return (*given, *(self.member.stops or (self.member.eos,)))

    def eos(self, end: ChatEnd | None = None) -> str | None:
        """Return the value of `tokenizer.eos_token`, or None if unknown."""
        if self.eos_open:
            return None
        if end is not None and end.sets_eos:
            return end.sets_eos
        return self.own_eos[-1] if self.own_eos else self.member.eos if self.member is not None else None

    # -- the chat template ---------------------------------------------------------------------------------------

    def chat_end(self, call: Value | None = None) -> ChatEnd:
        """Return how the chat template ends an answer; `call` is the script's expression that applies it, if any."""
        given = argument(call, 99, "chat_template") if isinstance(call, Term) else Absent()
        if not isinstance(given, Absent) and not (isinstance(given, Known) and given.value is None):
            return self.written(given)
        if self.stated is not None and not isinstance(self.stated.template, Absent):
            return self.of_configuration(self.stated.template)
        setter = self.setter
        if setter is None:
            return self.own() if isinstance(self.file, Absent) else self.of_file(self.file)
        written = written_template(setter)
        if setter.conditional and written is not None and "chat_template" in setter.condition:
            if self.member is None:
                return ChatEnd(why=f"it is unknown whether {self.words} has its own chat template")
            if self.member.template:
                return self._guarded(setter.condition, written)
        elif setter.conditional:
            return ChatEnd(why=BRANCH)
        if written is not None:
            return self.written(written)
        name = last(setter.callee)
        if name == "setup_chat_format":
            return ChatEnd(CHATML_END, "setup_chat_format", "", False, True, False, None, CHATML_END)
        if name == "clone_chat_template":
            return self.cloned(setter.get("source_tokenizer_path", "$2"))
        return self.unsloths(setter)

    def _guarded(self, condition: str, written: Value) -> ChatEnd:
        """Return the end for a template that a condition on the model's own, which it has, lets replace it."""
        if not CONTENT.search(condition):
            return self.own()  # the branch is there for a model that brings none
        own = self.own()
        if "generation" in condition and "not " in condition and own.marked is False:
            return self.written(written)  # the branch is there for a template that does not mark the answers
        return ChatEnd(why=BRANCH)

    def own(self) -> ChatEnd:
        one = self.member
        if one is None:
            return ChatEnd(why=f"it is unknown how the chat template of {self.words} ends a turn")
        if not one.template:
            return ChatEnd(why=f"{self.words} has no chat template, and the script sets none")
        token = "eos" if one.turn_end == one.eos else one.turn_end
        return ChatEnd(
            token,
            f"the chat template of {self.words}",
            "",
            one.template_bos,
            one.line_feed,
            *self.marks(one, self.model_name),
        )

    def marks(self, one: Member, name: str | None) -> tuple[bool | None, bool | None]:
        """Return whether the template of a kind of model marks the answers, and whether TRL finds them otherwise."""
        copies, owner = one.trl_templates, (name or "").lower().partition("/")[0]
        if copies is None or self.versions is None or copies and owner in REWRITES:
            return None, None

        def held(found: bool) -> bool:
            return bool(
                self.versions.all(
                    lambda trl: all(finds_answers(copy, trl["trl"]) is found for copy in copies or ("",)), "trl"
                )
            )

        return (False, True) if held(True) else (False, False) if held(False) else (None, None)

    def written(self, value: Value) -> ChatEnd:
        """Return the end of a template that the script contains."""
        if isinstance(value, Either):
            ends = [self.written(option) for option in value.options]
            same = all((e.token, e.starts_with_bos, e.in_loss, e.why) == (ends[0].token, ends[0].starts_with_bos,
                       ends[0].in_loss, "") for e in ends)  # fmt: skip
            return ends[0] if same else ChatEnd(why=BRANCH)
        if not isinstance(value, (Known, Default)) or not isinstance(value.value, str):
            why = getattr(value, "why", "") or getattr(value, "text", "") or "it is not a string"
            return ChatEnd(why=f"the chat template that the script sets is unknown: {why}")
        if "{" not in value.value:
            return ChatEnd(why="the script sets the chat template to a file, or to something that is not a template")
        try:
            return of_text(chat_template.read(value.value), self)
        except chat_template.Unread as error:
            return ChatEnd(why=str(error))

    def of_file(self, value: Value) -> ChatEnd:
        """Return the end for `chat_template_path`: a file of the project, or a model whose template is used."""
        if not isinstance(value, (Known, Default)) or not isinstance(value.value, str):
            return ChatEnd(why="it is unknown which chat template chat_template_path names")
        if value.value.endswith((".jinja", ".j2", ".jinja2")):
            return ChatEnd(why=f"the chat template in {value.value} is not read")
        return self.cloned(value)

    def cloned(self, value: Value) -> ChatEnd:
        """Return the end of the template of another model, whose EOS token comes with it."""
        name = value.value if isinstance(value, (Known, Default)) else None
        source = member(name) if isinstance(name, str) else None
        if source is None or not source.turn_end:
            return ChatEnd(why=f"it is unknown how the chat template of {name or 'the other model'} ends a turn")
        return ChatEnd(
            "eos" if source.turn_end == source.eos else source.turn_end,
            f"the chat template of {name}",
            "",
            source.template_bos,
            source.line_feed,
            *self.marks(source, name if isinstance(name, str) else None),
            source.eos,
        )

    def of_configuration(self, value: Value) -> ChatEnd:
        """Return the end of a template named in a configuration; programs use the same names except for `_` and `-`."""
        if not isinstance(value, Known) or not isinstance(value.value, str):
            return ChatEnd(why="it is unknown which chat template the configuration uses")
        if "{%" in value.value:
            return self.written(value)
        found = unsloth_template(value.value.replace("_", "-"))
        if found is None:
            return ChatEnd(why=f"it is unknown how the chat template {value.value!r} ends a turn")
        by = f"the chat template {value.value!r}"
        return ChatEnd(found.turn_end, by, "", found.starts_with_bos, found.line_feed, False)

    def unsloths(self, call: Call) -> ChatEnd:
        """Return the end of a template of `unsloth.chat_templates`, or of one passed to it with its stop word."""
        value = self.template
        maps = not (isinstance(off := call.get("map_eos_token"), (Known, Default)) and off.value is False)
        if isinstance(value, (Known, Default)) and isinstance(value.value, (tuple, list)) and len(value.value) == 2:
            template, stop = value.value
            end = self.written(Known(template, value.trace))
            if isinstance(stop, str) and stop != "eos_token" and maps and not end.why:
                end.sets_eos = stop
            return end
        if not isinstance(value, (Known, Default)) or not isinstance(value.value, str):
            return ChatEnd(why="it is unknown which chat template get_chat_template sets")
        found: Template | None = unsloth_template(value.value)
        if found is None:
            return ChatEnd(why=f"the chat template {value.value!r} is unknown")
        by = f"Unsloth's chat template {value.value!r}"
        end = ChatEnd(found.turn_end, by, "", found.starts_with_bos, found.line_feed, False, None)
        if found.maps_eos and maps:
            end.sets_eos = found.turn_end
        return end


def written_template(call: Call) -> Value | None:
    """Return the chat template that a call writes to the tokenizer, or loads it with; None for other calls."""
    if call.callee.endswith(".chat_template="):
        return next(iter(call.arguments.values()), Absent())
    if last(call.callee) == "from_pretrained" and last(call.callee.rpartition(".")[0]).endswith(LOADERS):
        given = call.get("chat_template")  # wins over the file of the model
        return None if isinstance(given, Absent) else given
    return None


def special(call: Call) -> list[Value]:
    """Return the EOS token that a call sets on the tokenizer, in a list of at most one."""
    if not call.callee.endswith(".add_special_tokens"):
        return [] if call.callee.endswith("_id=") else list(call.arguments.values())
    given = call.get("special_tokens_dict", "$0")
    table: Any = given.value if isinstance(given, (Known, Default)) else getattr(given, "parts", None)
    if not isinstance(table, dict):
        return [Unknown("the special tokens are unknown")]
    found = table.get("eos_token")
    return [] if found is None else [found if isinstance(found, Value) else Known(found, given.trace)]


def added_tokens(call: Call) -> Iterator[str]:
    """Yield the tokens that a call adds to the vocabulary for the script's own use, without EOS and padding."""
    if not call.callee.endswith((".add_special_tokens", ".add_tokens")):
        return
    given = call.get("special_tokens_dict", "new_tokens", "$0")
    held: Any = given.value if isinstance(given, (Known, Default)) else getattr(given, "parts", None)
    values = [v for k, v in held.items() if k not in ("eos_token", "pad_token")] if isinstance(held, dict) else [held]
    while values:
        value = values.pop()
        value = value.value if isinstance(value, (Known, Default)) else getattr(value, "parts", value)
        if isinstance(value, (list, tuple)):
            values += value
        elif isinstance(value, str) and value.strip():
            yield value


def of_text(written: chat_template.Written, tokenizer: Tokenizer) -> ChatEnd:
    """Return the end that a read template has: the first token after the answer that ends something."""
    after = written.after_answer
    at = len(written.text) - len(after)
    bare = after.strip()
    stops = {*tokenizer.literals, *(tokenizer.stops() or ()), chat_template.EOS}
    token = next((t for t in sorted(stops, key=len, reverse=True) if bare.startswith(t)), "")
    if not token and bare.startswith("<"):
        token = bare.partition(">")[0] + ">"  # a token that no model known here stops at
    where = at + after.find(token) if token else at
    shown = "eos" if token == chat_template.EOS else token
    return ChatEnd(
        "eos" if token and token == tokenizer.eos() else shown,
        "the chat template that the script sets",
        "",
        written.text.startswith(chat_template.BOS) or written.text.startswith(bos_literals(tokenizer.family)),
        after.endswith(tuple(" \n\t")) or not token,
        written.masked is not None,
        written.in_loss(where) if written.masked is not None else None,
    )
