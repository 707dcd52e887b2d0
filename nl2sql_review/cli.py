"""The command line: arguments → review → render → exit code. Imports nothing heavy before it must."""

from __future__ import annotations

import gc
import os
import sys

from . import arguments
from .arguments import PROGRAM, UsageError

TYPE_CHECKING = False  # as typing's, whose import would be a sixth of what `--help` costs
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from typing import Any

    from .render.terminal import Terminal
    from .report import InternalError

NOTHING, FINDINGS, ERROR, NOT_REVIEWED, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Never raises, except SystemExit after `--help` and `--version`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # whatever the console's encoding, printing must not fail
            stream.reconfigure(errors="backslashreplace")
    try:
        return _command(argv)
    except UsageError as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return ERROR
    except Exception as error:
        if os.environ.get("NL2SQL_REVIEW_TRACEBACK"):
            raise
        name = type(error).__name__
        return _complain(
            f"{PROGRAM} failed: {name}: {error}\nThis is a fault of {PROGRAM}, not of your script; "
            "NL2SQL_REVIEW_TRACEBACK=1 shows where it happened."
        )


def run() -> None:
    """`main` as a process of its own.

    It ends at once, rather than after taking apart every object of a review. Nor is garbage looked for on the way, a
    sixth of the time of a review, whose large tree stays in use until the end: `Reviewer.review` collects between files.
    """
    gc.disable()
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # closed, or never there
        code = code or ERROR
    os._exit(code)


def _command(argv: list[str]) -> int:
    name = argv[0] if argv and argv[0] in arguments.COMMANDS else ""
    command, parser = RUN[name or "review"]
    return command(parser().parse(argv[1:] if name else argv))


# Commands


def _review(args: Namespace) -> int:
    if args.show_settings:
        return _show_settings(args)
    paths = _paths(args, "nothing to review: give a file or a directory, as in nl2sql-review train.py")
    from . import review
    from .settings import SettingsError

    stdin = _stdin(args, paths)
    try:
        report, code = review.run(
            paths, stdin=stdin, config=args.config, isolated=args.isolated, overrides=_overrides(args)
        )
    except SettingsError as error:
        raise UsageError(str(error)) from None
    if args.output_format == "json":
        from .render import json

        output = json.render(report)
    elif args.output_format == "concise":
        from .render import concise

        output = concise.render(
            report,
            _terminal(args),
            quiet=args.quiet,
            show_suppressed=args.show_suppressed,
            show_unknown=args.fail_on_unknown,
        )
    else:
        from .render import lines, text

        output = text.render(
            report, lines.Lines(stdin), _terminal(args), quiet=args.quiet, show_suppressed=args.show_suppressed
        )
    _tell_faults(report.internal_errors)
    _write(output)
    return code


def _tell_faults(faults: Sequence[InternalError]) -> None:
    """Each fault of ours once, with the first file it was met on."""
    paths: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        paths.setdefault((fault.rule, fault.message), []).append(fault.path)
    for (rule, message), where in paths.items():
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        _complain(f"internal error: {f'rule {rule}' if rule else PROGRAM} failed on {where[0]}{more}: {message}")


def _plan(args: Namespace) -> int:
    paths = _paths(args, "nothing to show: give one script, as in nl2sql-review plan train.py")
    if len(paths) > 1 or os.path.isdir(paths[0]):
        raise UsageError("a plan is made of one script: give one file")
    from . import discovery, review
    from .settings import SettingsError
    from .source import SourceError

    stdin = _stdin(args, paths)
    name = stdin[0] if stdin else discovery.shown(paths[0])
    try:
        recording, plans = review.plan(
            paths[0], stdin=stdin, config=args.config, isolated=args.isolated, overrides=_overrides(args)
        )
    except SettingsError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        return _complain(f"{name}: {error.strerror or error}")
    except SourceError as error:
        span = error.span
        cell = f"cell {span.cell}:" if span and span.cell else ""
        return _complain(f"{name}:{f'{cell}{span.row}:{span.column}:' if span else ''} {error.rule}: {error.message}")
    from .render import plan_json

    report = plan_json.describe(recording, plans)
    if args.output_format == "json":
        _write(plan_json.render(report))
    elif plans:
        from .render import plan_text

        _write(plan_text.render(report, name, _terminal(args)))
    if not plans:
        print(f"{name} is not a training script: it makes no model, adapter or trainer", file=sys.stderr)
        return NOT_REVIEWED
    return NOTHING


def _memory(args: Namespace) -> int:
    if bool(args.model) == bool(args.paths):
        raise UsageError("give one script, as in nl2sql-review memory train.py, or --model NAME")
    from . import sizing
    from .memory.cards import UnknownCard, find
    from .rulebook import RulebookError
    from .settings import SettingsError
    from .source import SourceError

    options = {"config": args.config, "isolated": args.isolated}
    try:
        if args.gpu is not None:
            find(args.gpu)  # a card that is not known is told whatever the script holds
        if args.model:
            report = sizing.of_model(args.model, args.gpu, _setup(args), sizing.book(os.getcwd(), **options))
            name = args.model
        else:
            paths = _paths(args, "")
            if len(paths) > 1 or os.path.isdir(paths[0]):
                raise UsageError("memory is estimated for one script: give one file")
            stdin = _stdin(args, paths)
            name = stdin[0] if stdin else paths[0]
            report = sizing.of_script(paths[0], args.gpu, _setup(args), name=name, stdin=stdin, **options)
    except (SettingsError, RulebookError, UnknownCard) as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        return _complain(f"{name}: {error.strerror or error}")
    except SourceError as error:
        return _complain(f"{name}: {error.rule}: {error.message}")
    if args.output_format == "json":
        from .render import json

        _write(json.dump(report))
    elif report.runs:
        from .render import memory_text

        _write(memory_text.render(report, _terminal(args)))
    if not report.runs:
        print(f"{name} is not a training script: it makes no model, adapter or trainer", file=sys.stderr)
    verdicts = [run.card.verdict for run in report.runs if run.card]
    if "likely runs out" in verdicts or "cannot fit" in verdicts:
        return FINDINGS
    return NOTHING if any(run.run for run in report.runs) else NOT_REVIEWED


def _setup(args: Namespace) -> dict[str, Any]:
    """What the options say of the run, under the names of `memory.setup.Setup`."""
    unsloth = None if args.stack is None else args.stack == "unsloth"
    said = {
        "batch": args.batch,
        "length": args.seq,
        "bits": args.bits,
        "rank": args.rank,
        "targets": tuple(args.targets) if args.targets else None,
        "optimizer": args.optimizer,
        "checkpointing": args.checkpointing or ("kept" if unsloth is False else None),
        "loss": args.loss,
        "eager_attention": None if args.attention is None else args.attention == "eager",
        "unsloth": unsloth,
    }
    return {name: value for name, value in said.items() if value is not None}


def _rule(args: Namespace) -> int:
    from . import rulebook, settings
    from .render import json, rule_text
    from .shape import did_you_mean

    try:
        chosen = settings.load(os.getcwd(), config=args.config, isolated=args.isolated)
        book = settings.configure(rulebook.load(chosen.rules), chosen)
    except (settings.SettingsError, rulebook.RulebookError) as error:
        raise UsageError(str(error)) from None
    rules = []
    for name in args.ids:
        found = [rule for rule in book.rules.values() if name in (rule.id, rule.section)]
        if not found and name not in rulebook.NOTICES:
            raise UsageError(f"there is no rule {name}{did_you_mean(name, book.names())}; for a list: {PROGRAM} rule")
        rules += found
    if args.output_format == "json":
        _write(json.dump([_rule_facts(rule) for rule in rules or book.rules.values()]))
    elif not args.ids or any(name not in book.rules and name not in rulebook.NOTICES for name in args.ids):
        _write(rule_text.render_list(rules or list(book.rules.values()), _terminal(args)))
    else:
        pages = [rule_text.render_page(rule, _terminal(args)) for rule in rules]
        notices = [f"{name}\n{rulebook.NOTICES[name]}\n" for name in args.ids if name in rulebook.NOTICES]
        _write("\n".join(pages + notices))
    return NOTHING


def _rule_facts(rule: Any) -> dict[str, Any]:
    head = rule.head
    return {
        "rule": rule.id,
        "section": rule.section,
        "title": rule.title,
        "severity": head.severity,
        "effect": head.effect,
        "facts": head.facts,
        "help": head.help,
        "since": head.since,
        "page": rule.body,
    }


def _schema(args: Namespace) -> int:
    import json

    from . import schemas

    _write(json.dumps(schemas.SCHEMAS[args.name](), indent=2, ensure_ascii=True) + "\n")
    return NOTHING


def _show_settings(args: Namespace) -> int:
    from . import rulebook, settings

    where = args.paths[0] if args.paths and args.paths[0] != "-" else os.getcwd()
    directory = where if os.path.isdir(where) else os.path.dirname(os.path.abspath(where))
    try:
        chosen = settings.load(directory, config=args.config, isolated=args.isolated, overrides=_overrides(args))
        settings.configure(rulebook.load(chosen.rules), chosen)
    except (settings.SettingsError, rulebook.RulebookError) as error:
        raise UsageError(str(error)) from None
    _write(settings.show_settings(chosen) + "\n")
    return NOTHING


RUN: dict[str, tuple[Callable[[Any], int], Callable[[], arguments.Parser]]] = {
    "review": (_review, arguments.review_parser),
    "plan": (_plan, arguments.plan_parser),
    "memory": (_memory, arguments.memory_parser),
    "rule": (_rule, arguments.rule_parser),
    "schema": (_schema, arguments.schema_parser),
}


# What the arguments mean


def _overrides(args: Namespace) -> dict[str, Any]:
    """What the command line says, under the keys of a settings file."""
    said: dict[str, Any] = {"gpu": args.gpu, "processes": args.processes}
    if hasattr(args, "select"):
        said["select"] = [word for words in args.select for word in words] or None
        said["ignore"] = [word for words in args.ignore for word in words] or None
        said["fail-on"] = args.fail_on
        said["fail-on-unknown"] = args.fail_on_unknown or None
    return {key: value for key, value in said.items() if value is not None}


def _paths(args: Namespace, remedy: str) -> list[str]:
    if not args.paths:
        raise UsageError(remedy)
    if args.stdin_filename is not None and "-" not in args.paths:
        raise UsageError("--stdin-filename names the script on standard input: give - as a path too")
    if args.paths.count("-") > 1:
        raise UsageError("standard input can be read once: give - once")
    return list(args.paths)


def _stdin(args: Namespace, paths: list[str]) -> tuple[str, bytes] | None:
    """What the script on standard input is called, and its bytes."""
    if "-" not in paths:
        return None
    if sys.stdin is None:
        raise UsageError("there is no standard input to read: give a file instead of -")
    return args.stdin_filename or "<stdin>", sys.stdin.buffer.read()


def _terminal(args: Namespace) -> Terminal:
    from .render.terminal import Terminal, glyphs_for

    encoding = getattr(sys.stdout, "encoding", None)
    return Terminal(max(arguments.columns(), 40), _color(args.color), glyphs_for(encoding))


def _color(choice: str) -> bool:
    """Whether to colour: `--color` first, then NO_COLOR, FORCE_COLOR, and whether this is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and bool(getattr(sys.stdout, "isatty", bool)())


def _write(text: str) -> None:
    """To standard output; a reader that has gone away (`| head`) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
    except OSError as error:  # a full disk
        _close_stdout()
        raise UsageError(f"standard output cannot be written: {error.strerror or error}") from None


def _close_stdout() -> None:
    """Python would complain once more when it flushes standard output at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass


def _complain(message: str) -> int:
    from .render.terminal import escape

    lines = [escape(line) for line in message.splitlines()] or [""]
    print(f"error: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)
    return ERROR
