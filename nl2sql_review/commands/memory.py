"""`nl2sql-review memory`: estimates the GPU memory that a script needs, and what fits."""

from __future__ import annotations

import os

from ..report.exit_codes import FINDINGS, NOT_REVIEWED, NOTHING
from . import inputs
from .console import complain, remark, terminal, write
from .parser import (
    Parser,
    color_option,
    flavour_option,
    one_script,
    positive,
    settings_options,
    stdin_option,
    whole,
    words,
)
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any


def parser() -> Parser:
    parser = Parser(
        "memory",
        usage="nl2sql-review memory [OPTIONS] PATH\n       nl2sql-review memory [OPTIONS] PATH -- ARGUMENTS...\n"
        "       nl2sql-review memory [OPTIONS] --model NAME",
        description="Estimates how much GPU memory a script needs, part by part; nothing is loaded or run.",
        epilog=MEMORY_EPILOG,
    )
    one_script(parser)
    parser.add_argument(
        "--model", metavar="NAME", help="instead of a script: this model or its directory, trained as the rules require"
    )
    parser.add_argument("--gpu", metavar="CARD", help='the GPU: t4, rtx4090, a100-40, "A100 80GB", 16GB, …')
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")

    group = parser.add_argument_group("overrides of the script's settings")
    group.add_argument("--batch", metavar="N", type=positive, help="sequences per device")
    group.add_argument("--seq", metavar="N", type=positive, help="tokens per sequence")
    group.add_argument("--bits", type=int, choices=(4, 8, 16, 32), help="of the weights as loaded")
    group.add_argument("--rank", metavar="N", type=whole, help="of the LoRA adapter; 0 trains all weights")
    group.add_argument("--targets", metavar="NAMES", type=words, help="layers with an adapter, as in q_proj,v_proj")
    group.add_argument("--optimizer", metavar="NAME", help="as in the training arguments: adamw_8bit, adamw_torch, …")
    group.add_argument("--checkpointing", choices=("offloaded", "kept", "off"),
                       help="gradient checkpointing: Unsloth's, plain, none")  # fmt: skip
    group.add_argument("--loss", choices=("chunked", "whole"), help="logits in chunks, or all at once")
    group.add_argument(
        "--attention", choices=("sdpa", "eager"), help="attention implementation; eager creates score matrices"
    )
    group.add_argument("--stack", choices=("unsloth", "transformers"), help="the training library")

    group = parser.add_argument_group("settings and output")
    stdin_option(group)
    flavour_option(group)
    settings_options(group)
    color_option(group)
    return parser


MEMORY_EPILOG = """\
exit codes:
  0  the run fits, may run out of memory, or no GPU was named
  1  the run likely runs out of memory, or cannot fit
  2  usage error or internal error
  3  no estimate: no training script, or a model that the estimate does not cover
"""


def run(args: Namespace) -> int:
    if bool(args.model) == bool(args.paths):
        raise UsageError("give one script, as in nl2sql-review memory train.py, or --model NAME")
    from ..flavours import NotAConfiguration
    from ..gpu_memory.cards import UnknownCard, find
    from ..policy.rulebook import RulebookError
    from ..policy.settings import SettingsError
    from ..run import memory
    from ..run.options import Options
    from ..source import SourceError

    options = Options(
        config=args.config, isolated=args.isolated, command_line=args.command_line, flavour=args.flavour or ""
    )
    try:
        if args.gpu is not None:
            find(args.gpu)  # a card that is not known is told whatever the script holds
        if args.model:
            name = args.model
            report = memory.of_model(name, args.gpu, _setup(args), memory.book(os.getcwd(), options))
        else:
            paths = [inputs.one_path(args, "")]
            stdin = inputs.stdin(args, paths)
            name = stdin[0] if stdin else paths[0]
            report = memory.of_script(paths[0], args.gpu, _setup(args), name=name, options=options.but(stdin=stdin))
    except (SettingsError, RulebookError, UnknownCard) as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        return complain(f"{name}: {error.strerror or error}")
    except NotAConfiguration as error:
        remark(f"{name}: {error}")
        return NOT_REVIEWED
    except SourceError as error:
        return complain(f"{name}: {error.rule}: {error.message}")
    if args.output_format == "json":
        from ..report import serialization

        write(serialization.dump(report))
    elif report.runs:
        from ..render import memory_text

        write(memory_text.render(report, terminal(args)))
    if not report.runs:
        from ..run.reviewer import without_plan

        remark(without_plan(name))
    verdicts = [run.card.verdict for run in report.runs if run.card]
    if "likely runs out" in verdicts or "cannot fit" in verdicts:
        return FINDINGS
    return NOTHING if any(run.run for run in report.runs) else NOT_REVIEWED


def _setup(args: Namespace) -> dict[str, Any]:
    """Return the values of the options that describe the run, under the names of `memory.setup.Setup`."""
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
