"""Reads a chat template in the script: the text that it writes for one question and one answer.

Jinja parses the template; its tree is then followed, with a bound on the steps. Anything that is not
supported raises `Unread`, and the template is then unknown.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .template_text import BOS, CONTENT, EOS, LONGEST, Unread, Written

if TYPE_CHECKING:
    from jinja2 import nodes as tree
    from jinja2.parser import Parser

__all__ = ["BOS", "CONTENT", "EOS", "Unread", "Written", "read"]


@lru_cache(maxsize=64)
def read(template: str) -> Written:
    """Return the text of the template for a question and its answer, without a generation prompt. Raises Unread."""
    from jinja2 import Environment, TemplateError, nodes
    from jinja2.ext import Extension

    from .template_writer import Writer

    class Generation(Extension):
        """The tag `{% generation %}…{% endgeneration %}`, which transformers adds to the language."""

        tags = {"generation"}

        def parse(self, parser: Parser) -> tree.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope([nodes.Block("generation", body, False, False)], lineno=line)

    if len(template) > LONGEST:
        raise Unread("the chat template is too long")
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"], autoescape=False
    )
    try:
        written = Writer().written(environment.parse(template))
    except (TemplateError, RecursionError, ArithmeticError, TypeError, LookupError, AttributeError) as error:
        raise Unread(f"the chat template cannot be evaluated: {error}") from None
    if CONTENT["assistant"] not in written.text:
        raise Unread("the chat template does not write the answer unchanged")
    return written
