"""The steps of `history`: what voids and ways back do to a claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.domain.claims import ClaimState, Lifecycle, Link

if TYPE_CHECKING:
    from service.domain.history import Event


def void_claim(state: ClaimState, _event: Event) -> ClaimState:
    return replace(state, lifecycle=Lifecycle.VOID, former_lifecycle=state.lifecycle, pending=None)


def restore_claim(state: ClaimState, event: Event) -> ClaimState:
    lifecycle = Lifecycle(event.data["after"]["lifecycle"])
    return replace(state, lifecycle=lifecycle, former_lifecycle=None, pending=None)


def separate_claim(state: ClaimState, event: Event) -> ClaimState:
    lifecycle = Lifecycle(event.data["after"]["lifecycle"])
    return replace(state, lifecycle=lifecycle, merged_into=None, pending=None)


def release_claim(state: ClaimState, event: Event) -> ClaimState:
    """Take what a merge brought from the claim that it took in, and give back what it took."""
    data = event.data
    state = _replace_links(state, lambda link: link.id in data["links"], retracted=True)
    state = _replace_links(state, lambda link: link.id in data["restored"], retracted=False)
    return _replace_links(state, lambda link: link.id in data["weighed"], conflicting=False)


def void_link(state: ClaimState, event: Event) -> ClaimState:
    return _replace_links(state, lambda link: link.id == event.data["link"], void=True)


def restore_link(state: ClaimState, event: Event) -> ClaimState:
    flag = LINK_FLAGS[event.data["undoes"]]
    return _replace_links(state, lambda link: link.id == event.data["link"], **{flag: False})


def void_statement(state: ClaimState, event: Event) -> ClaimState:
    statement = event.data["statement"]
    return _replace_links(state, lambda link: link.statement == statement, statement_void=True)


def restore_statement(state: ClaimState, event: Event) -> ClaimState:
    statement, flag = event.data["statement"], STATEMENT_FLAGS[event.data["undoes"]]
    return _replace_links(state, lambda link: link.statement == statement, **{flag: False})


LINK_FLAGS = {"void": "void", "retraction": "retracted"}
"""What a restoration of a link undoes, and the field of the link that said so."""
STATEMENT_FLAGS = {"void": "statement_void", "withdrawal": "withdrawn"}
"""What a restoration of a statement undoes, and the field of its links that said so."""


def _replace_links(
    state: ClaimState, is_changed: Callable[[Link], bool], **changes: Any
) -> ClaimState:
    links = tuple(replace(link, **changes) if is_changed(link) else link for link in state.links)
    return replace(state, links=links)
