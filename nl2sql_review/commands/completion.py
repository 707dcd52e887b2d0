"""`nl2sql-review completion`: the completion script of a shell, and the completions of a command line for that script.

The shell runs `completion SHELL -- WORDS…`; the last word is the one under the cursor. If there is no output, the
shell completes files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

from ..report.exit_codes import NOTHING
from .console import write
from .parser import Parser
from .program import COMMANDS, PROGRAM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

BASH = r"""
_nl2sql_review() {
    local IFS=$'\n'
    COMPREPLY=($(nl2sql-review completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -o bashdefault -F _nl2sql_review nl2sql-review
"""
ZSH = r"""
#compdef nl2sql-review
_nl2sql_review() {
    local -a lines described
    local line
    lines=("${(@f)$(nl2sql-review completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( ${#described} )); then _describe nl2sql-review described; else _files; fi
}
if [ "$funcstack[1]" = _nl2sql_review ]; then _nl2sql_review "$@"; else compdef _nl2sql_review nl2sql-review; fi
"""
FISH = r"""
function __nl2sql_review_complete
    set -l found (nl2sql-review completion fish -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c nl2sql-review -f -a '(__nl2sql_review_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
EPILOG = f"""\
  bash: echo 'eval "$({PROGRAM} completion bash)"' >> ~/.bashrc
  zsh:  echo 'eval "$({PROGRAM} completion zsh)"' >> ~/.zshrc     after compinit
  fish: {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish
"""


def parser() -> Parser:
    parser = Parser("completion", description="Prints the completion script of a shell.", epilog=EPILOG)
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="the shell")
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    return parser


def run(args: Namespace) -> int:
    if not args.words:
        write(SCRIPTS[args.shell].lstrip("\n"))
    else:
        write("".join(f"{word}\t{said}\n" for word, said in _fitting(args.words)))
    return NOTHING


def _fitting(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (word, description) of each word that can take the place of the last of `words`."""
    *before, current = words
    first = not before
    named = bool(before) and before[0] in COMMANDS
    command = before[0] if named else "review"
    parser = import_module(f".{command}", __package__).parser()
    waiting = parser._option_string_actions.get(before[-1]) if before else None
    if waiting is not None and waiting.nargs != 0:
        candidates = _values(waiting, current)
    elif current.startswith("-"):
        candidates = _options(parser)
    else:
        taken = [word for word in before[named:] if not word.startswith("-")]
        candidates = [*(COMMANDS.items() if first else ()), *_positionals(parser, command, taken)]
    return (pair for pair in candidates if pair[0].startswith(current))


def _options(parser: Parser) -> list[tuple[str, str]]:
    return [
        (word, (action.help or "").replace("%%", "%").partition("\n")[0])
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for word in action.option_strings
        if word.startswith("--")
    ]


def _values(action: argparse.Action, current: str) -> list[tuple[str, str]]:
    """Return the possible values of an option; none if it takes a file or free text."""
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    if action.dest in ("select", "ignore"):
        done = current[: current.rfind(",") + 1]  # rules are listed, separated by commas
        return [(done + name, title) for name, title in _rules()]
    if action.dest == "output_format":
        from ..render import FORMATS

        return [(name, form.purpose) for name, form in FORMATS.items()]
    if action.dest == "gpu":
        from ..gpu_memory.cards import CARDS

        return [(key, name) for key, (name, *_) in CARDS.items()]
    return []


def _positionals(parser: Parser, command: str, taken: list[str]) -> list[tuple[str, str]]:
    if command == "rule":
        return _rules()
    places = [action for action in parser._actions if not action.option_strings]
    action = places[min(len(taken), len(places) - 1)] if places else None
    return [(str(choice), "") for choice in action.choices] if action is not None and action.choices else []


def _rules() -> list[tuple[str, str]]:
    """Return the sections, and the rules that are loaded by the settings of the working directory."""
    from ..policy import rulebook, settings

    try:
        book = rulebook.load(settings.load(".").rules)
    except (settings.SettingsError, rulebook.RulebookError):
        book = rulebook.load()
    sections = dict.fromkeys(rule.section for rule in book.rules.values())
    return [
        *((section, "the whole section") for section in sections),
        *((r.id, r.title) for r in book.rules.values()),
    ]
