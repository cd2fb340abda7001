"""A claim's status as a picture to stand in an article: a shape, a word and a colour.

Any one of the three tells it: in grey by the shape, to a screen reader by the word.  The picture
has no script and refers to nothing; it follows the reader's preference for light or dark by
itself.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from service.domain import directions
from service.domain.claims import Precision, Status, to_utc
from service.domain.labels import STATUSES, format_with_marks, list_marks
from service.domain.print_line import format_date
from service.publishing.markup import xml

MEDIA_TYPE = "image/svg+xml"
HEIGHT = 28
SIZE, SMALL = 14, 12
"""Of the status and of its marks, in pixels."""


@dataclass(frozen=True, slots=True)
class Look:
    """A status' colours on light and on dark, and its shape within 16 × 16 pixels.

    Parts of class `ink` are filled with the ink, those of class `line` are drawn with it, and those
    of class `cut` are drawn in the ground's colour.
    """

    ink: str
    ground: str
    dark_ink: str
    dark_ground: str
    shape: str

    @property
    def style(self) -> str:
        def colours(ink: str, ground: str) -> str:
            return (
                f".ink{{fill:{ink}}}.line{{stroke:{ink}}}.ground{{fill:{ground}}}"
                f".cut{{stroke:{ground}}}"
            )

        return (
            "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}"
            ".line,.cut{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}"
            ".line.rule{stroke-width:1;opacity:.6}"
            f"{colours(self.ink, self.ground)}"
            f"@media(prefers-color-scheme:dark){{{colours(self.dark_ink, self.dark_ground)}}}"
        )


LOOKS = {
    # Somebody is on record: a speech bubble.
    Status.ASSERTED: Look(
        "#41505e",
        "#eef1f4",
        "#b9c6d3",
        "#1f262d",
        '<path class="ink" d="M3 1h10a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H8l-4 4v-4H3'
        'a3 3 0 0 1-3-3V4a3 3 0 0 1 3-3z"/>',
    ),
    # Time passes: a clock.
    Status.AWAITING_CONFIRMATION: Look(
        "#7a4a00",
        "#fdf2d8",
        "#f3c56b",
        "#2f2410",
        '<path class="line" d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM8 4.5V8l2.5 1.8"/>',
    ),
    # A tick in a full disc.
    Status.CONFIRMED: Look(
        "#14633b",
        "#e5f4ea",
        "#7fd9a4",
        "#12271b",
        '<circle class="ink" cx="8" cy="8" r="8"/><path class="cut" d="M4.4 8.4l2.5 2.5 4.7-5.3"/>',
    ),
    # Two sides, apart.
    Status.DISPUTED: Look(
        "#9e2418",
        "#fdeae7",
        "#ff9f92",
        "#331714",
        '<path class="ink" d="M7 .5v15L0 8zM9 .5v15L16 8z"/>',
    ),
}


def document(claim: dict[str, Any], *, merged: bool, as_of: datetime | None) -> bytes:
    """The badge of a claim as served.  `merged`: it was asked for by a duplicate's id;
    `as_of`: it is of that instant, and says so."""
    status = Status(claim["status"])
    look, word = LOOKS[status], STATUSES[status]
    beside = list_marks(claim)
    if merged:
        beside.append("merged")
    if as_of is not None:
        precision = Precision.SECOND if as_of.second else Precision.MINUTE
        beside.append(f"as of {format_date(to_utc(as_of), precision)}")
    return "".join(_drawn(claim, look, word, beside)).encode()


def policy(claim: dict[str, Any]) -> str:
    """The Content-Security-Policy under which the badge, opened as a page, shows its style and
    nothing else."""
    style = LOOKS[Status(claim["status"])].style
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; sandbox; frame-ancestors 'none'"


def _drawn(claim: dict[str, Any], look: Look, word: str, beside: list[str]) -> Iterator[str]:
    told = xml(f"{format_with_marks(word, beside)}: {directions.isolate_text(claim['text'])}")
    end = 30 + _width(word, SIZE)
    small = " · ".join(beside)
    width = end + 12 + (15 + _width(small, SMALL) if small else 0)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
        f'viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{told}"><title>{told}</title>'
        f"<style>{look.style}</style>"
        f'<rect class="ground" width="{width}" height="{HEIGHT}" rx="{HEIGHT // 2}"/>'
        f'<g transform="translate(8 6)">{look.shape}</g>'
    )
    yield _text(word, 30, SIZE, 600)
    if small:
        yield f'<path class="line rule" d="M{end + 7.5} 8v12"/>'
        yield _text(small, end + 15, SMALL, 400)
    yield "</svg>"


def _text(words: str, x: int, size: int, weight: int) -> str:
    return (
        f'<text class="ink" x="{x}" y="{HEIGHT / 2 + size * 0.36:g}" font-size="{size}" '
        f'font-weight="{weight}" textLength="{_width(words, size)}" '
        f'lengthAdjust="spacingAndGlyphs">{words}</text>'
    )


NARROW, WIDE = frozenset("fijlrt ,:;.·"), frozenset("mwMWCDO")


def _width(words: str, size: int) -> int:
    """About how wide `words` are, in pixels: the picture makes them just that, in any font."""
    ems = sum(0.34 if one in NARROW else 0.82 if one in WIDE else 0.58 for one in words)
    return round(ems * size)
