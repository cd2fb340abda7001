"""The marks of statuses and stances: a shape for each, beside its word and its colour."""

from service.domain.claims import Stance
from service.publishing.badge import LOOKS

STANCES = {
    # In outline, so that no stance is taken for a status.
    Stance.SUPPORTS: '<path class="line" d="M2 8.6l4 4L14 3.8"/>',
    Stance.CONTRADICTS: '<path class="line" d="M3 3l10 10M13 3L3 13"/>',
    Stance.REQUESTS_CONFIRMATION: '<path class="line" d="M4.6 5.2a3.4 3.4 0 1 1 4.7 3.1'
    'C8.4 8.8 8 9.4 8 10.6M8 14v.01"/>',
    Stance.COMMENTS: '<path class="line" d="M2.5 8v.01M8 8v.01M13.5 8v.01"/>',
}
CLAIMANT = (
    '<path class="ink" d="M1.5 13V8.6c0-3 1.7-5 4.8-5.6v2.2C4.9 5.7 4.3 6.6 4.3 8'
    'h2.5v5zM9 13V8.6c0-3 1.7-5 4.8-5.6v2.2c-1.4.5-2 1.4-2 2.8h2.5v5z"/>'
)
"""Whose claim it is: a quotation mark."""
SEARCH = '<path class="line" d="M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.5 10.5l3.5 3.5"/>'


def _build_symbol(name: str, shape: str) -> str:
    return f'<symbol id="{name}" viewBox="0 0 16 16">{shape}</symbol>'


SPRITE = "".join(
    [
        '<svg width="0" height="0" class="sprite" aria-hidden="true">',
        *(_build_symbol(f"s-{status}", look.shape) for status, look in LOOKS.items()),
        *(_build_symbol(f"t-{stance}", shape) for stance, shape in STANCES.items()),
        _build_symbol("t-claimant", CLAIMANT),
        _build_symbol("i-search", SEARCH),
        "</svg>",
    ]
)
