"""Answers requests about a place or a file: each waits for the review of the current text.

What only some requests need is imported by them: the first answer, the diagnostics, does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from ...policy import rulebook
from ...policy.rulebook import Rulebook
from . import actions
from .actions import Actions
from .commands import MEMORY, PLAN, PROMPT, ROWS
from .reviews import Review, Superseded

if TYPE_CHECKING:
    from .server import Server

Place = tuple[Review, str, "int | None", int, int]  # path, cell, row, column


def register(server: Server) -> None:
    """Register all requests that are answered from reviews with a server."""
    _values(server)
    _actions(server)
    _commands(server)
    _completion(server)


async def _place(server: Server, uri: str, position: types.Position) -> Place | None:
    review = await server.reviews.current(uri)
    document = server.documents.get(uri)
    if review is None or document is None or review.examined is None or document.stamp != review.stamp:
        return None
    row, column = server.positions.place(uri, position)
    return review, document.path, server.documents.cell_of(uri), row, column


async def _reader(server: Server, uri: str, position: types.Position) -> Place | None:
    """Return the place as `_place` does; in a module or configuration, with the review of a file that reads it."""
    place = await _place(server, uri, position)
    if place is None or place[0].examined is None or place[0].examined.plans:
        return place
    found = await server.reviews.readers(place[1])
    return (found[0], *place[1:]) if found else place


def _values(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def on_hover(params: types.HoverParams) -> types.Hover | None:
        from . import hover

        place = await _reader(server, params.text_document.uri, params.position)
        return None if place is None else hover.at(place[0], server.positions, *place[1:])

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def on_definition(params: types.DefinitionParams) -> list[types.Location] | None:
        from . import definition

        place = await _reader(server, params.text_document.uri, params.position)
        return None if place is None else definition.at(place[0], server.positions, *place[1:]) or None

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def on_hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        from . import hints, rows

        uri = params.text_document.uri
        review = await server.reviews.current(uri)
        if review is None or server.options.get("inlayHints") is False:
            return []
        while True:
            counted = await asyncio.to_thread(rows.steps, review)  # the files may be large, and other requests go on
            now = await server.reviews.current(uri)
            if now is None:
                return []
            if now is review:
                break
            review = now  # somebody typed in the meantime
        return hints.within(review, server.positions, uri, params.range, counted)

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=True))
    async def on_lenses(params: types.CodeLensParams) -> list[types.CodeLens]:
        from . import lens, rows

        uri = params.text_document.uri
        review = await server.reviews.current(uri)
        if review is None:
            return []
        made = list(lens.of(review, server.positions, uri))
        if made and rows.are_there(review):  # how many is told when the lens comes into view
            data = {"uri": review.document.uri, "stamp": review.stamp}
            made.append(types.CodeLens(made[0].range, data=data))
        return made

    @server.feature(types.CODE_LENS_RESOLVE)
    async def on_lens(one: types.CodeLens) -> types.CodeLens:
        from . import rows

        uri = one.data.get("uri") if isinstance(one.data, dict) else None
        review = server.reviews.latest(uri) if isinstance(uri, str) else None
        if review is None:
            return one
        title = await server.proofs.run(lambda: rows.title(review))
        one.command = types.Command(title, ROWS, arguments=[review.document.uri])
        return one


def _actions(server: Server) -> None:
    def offered() -> Actions:
        return Actions(
            server.proofs,
            server.positions,
            lazy=server.can("text_document.code_action.resolve_support"),
            versioned=server.can("workspace.workspace_edit.document_changes"),
            reason=str(server.options.get("ignoreReason") or actions.REASON),
        )

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=actions.KINDS, resolve_provider=True),
    )
    async def on_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        review = await server.reviews.current(uri)
        if review is None:
            return []
        try:
            return await offered().of(review, uri, params.range, params.context.only)
        except Superseded:
            return []  # the client asks again for the new text

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def on_resolve(action: types.CodeAction) -> types.CodeAction:
        uri = action.data.get("uri") if isinstance(action.data, dict) else None
        review = await server.reviews.current(uri) if isinstance(uri, str) else None
        return action if review is None else await offered().resolve(review, action)


def _commands(server: Server) -> None:
    """Register the commands of the lenses: each returns a text, and shows it unless the client does so itself."""

    def command(name: str) -> None:
        @server.command(name)
        async def on_command(uri: str) -> str | None:
            from . import lens, rows

            shown: Callable[[Review], str] = rows.text if name == ROWS else lens.SHOWN[name]
            review = await server.reviews.current(uri)
            if review is None:
                return None
            text = await server.proofs.run(lambda: shown(review))
            if not server.options.get("showsTexts"):
                server.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))
            return text

    for name in (PLAN, PROMPT, MEMORY, ROWS):
        command(name)


def _completion(server: Server) -> None:
    options = types.CompletionOptions(trigger_characters=["[", "/", '"', ":", ","])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    def on_completion(params: types.CompletionParams) -> list[types.CompletionItem]:
        from . import completion

        uri = params.text_document.uri
        text = server.documents.text(uri)
        document = server.documents.get(uri)
        if text is None or document is None:
            return []
        row, column = server.positions.place(uri, params.position)
        before = server.documents.line(uri, row)[: column - 1]
        above = "\n".join(server.documents.line(uri, number) for number in range(1, row))
        review: Any = server.reviews.latest(uri)
        rules = review.rules if review is not None and review.rules is not None else _ours()
        return completion.at(document.path, before, above, rules)


@lru_cache(maxsize=1)
def _ours() -> Rulebook:
    """Return the built-in rules, for files without known settings."""
    return rulebook.load(())
