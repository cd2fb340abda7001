"""The steps of `history`: what requests for comment do to a claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.domain.claims import ClaimState
from service.domain.plain_data import read_inquiry, read_inquiry_fields

if TYPE_CHECKING:
    from service.domain.history import Event


def add_inquiry(state: ClaimState, event: Event) -> ClaimState:
    return replace(state, inquiries=(*state.inquiries, read_inquiry(event.data)))


def change_inquiry(state: ClaimState, event: Event) -> ClaimState:
    """Whether the deadline has passed is found out anew."""
    return _replace_inquiry(state, event, lapsed=False, **read_inquiry_fields(event.data))


def lapse_inquiry(state: ClaimState, event: Event) -> ClaimState:
    return _replace_inquiry(state, event, lapsed=True)


def _replace_inquiry(state: ClaimState, event: Event, **changes: Any) -> ClaimState:
    inquiries = tuple(
        replace(inquiry, **changes) if inquiry.id == event.data["inquiry"] else inquiry
        for inquiry in state.inquiries
    )
    return replace(state, inquiries=inquiries)
