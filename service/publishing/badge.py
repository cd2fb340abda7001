"""Draw a claim's status as a picture to stand in an article: a shape, a word and a colour.

Any one of the three is enough: the shape in grey, the word for a screen reader. The picture has no
script and refers to nothing; it follows the reader's preference for light or dark by itself.
"""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from service.claims.claim_views import ClaimView
from service.domain import directions
from service.domain.claims import Lifecycle, Precision, Status, to_utc
from service.domain.labels import format_with_marks, list_marks
from service.domain.print_phrases import Language, format_date
from service.publishing.badge_words import BADGE_WORDS
from service.publishing.markup import escape_xml

MEDIA_TYPE = "image/svg+xml"
HEIGHT = 28
STATUS_SIZE, MARKS_SIZE = 14, 12
"""Font sizes in pixels."""


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of a status on light and on dark, and its shape within 16 × 16 pixels.

    Parts of class `ink` are filled with the ink, those of class `line` are drawn with it, and those
    of class `cut` are drawn in the colour of the ground.
    """

    ink: str
    ground: str
    dark_ink: str
    dark_ground: str
    shape: str

    @property
    def style(self) -> str:
        """The style sheet of the picture."""

        def write_colours(ink: str, ground: str) -> str:
            return (
                f".ink{{fill:{ink}}}.line{{stroke:{ink}}}.ground{{fill:{ground}}}"
                f".cut{{stroke:{ground}}}"
            )

        return (
            "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}"
            ".line,.cut{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}"
            ".line.rule{stroke-width:1;opacity:.6}"
            f"{write_colours(self.ink, self.ground)}"
            f"@media(prefers-color-scheme:dark){{{write_colours(self.dark_ink, self.dark_ground)}}}"
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

VOID_LOOK = Look(
    "#55504a",
    "#efedea",
    "#c9c3bb",
    "#26231f",
    '<path class="line" d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM3.2 3.2l9.6 9.6"/>',
)
"""A circle, struck through: do not use."""


def render_badge(
    claim: ClaimView,
    *,
    is_merged: bool,
    as_of: datetime | None,
    language: Language = Language.EN,
) -> bytes:
    """Return the badge of a claim as served.

    `merged`: it was asked for by a duplicate's id. `as_of`: it is of that instant, and says so.
    """
    words = BADGE_WORDS[language]
    if claim["lifecycle"] == Lifecycle.VOID:
        word, marks = words.void, ["recorded by mistake"]
    else:
        status, marks = words.statuses[Status(claim["status"])], list_marks(claim)
        word = status
        if claim.get("hold") is not None:
            word, marks = words.hold, ["do not use", status, *marks[1:]]
    if is_merged:
        marks.append("merged")
    lines = [words.marks.get(mark, mark) for mark in marks]
    if as_of is not None:
        precision = Precision.SECOND if as_of.second else Precision.MINUTE
        date = format_date(to_utc(as_of), precision, language)
        lines.append(words.as_of.format(date=date))
    return "".join(_draw(claim, _choose_look(claim), word, lines)).encode()


def build_content_policy(claim: ClaimView) -> str:
    """Return the Content-Security-Policy under which the badge, opened as a page, shows its style
    and nothing else."""
    style = _choose_look(claim).style
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; sandbox; frame-ancestors 'none'"


def _choose_look(claim: ClaimView) -> Look:
    if claim["lifecycle"] == Lifecycle.VOID or claim.get("hold") is not None:
        return VOID_LOOK
    return LOOKS[Status(claim["status"])]


def _draw(claim: ClaimView, look: Look, word: str, more_lines: list[str]) -> Iterator[str]:
    title = escape_xml(
        f"{format_with_marks(word, more_lines)}: {directions.isolate_text(claim['text'])}"
    )
    end = 30 + _estimate_width(word, STATUS_SIZE)
    small = " · ".join(more_lines)
    width = end + 12 + (15 + _estimate_width(small, MARKS_SIZE) if small else 0)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
        f'viewBox="0 0 {width} {HEIGHT}" role="img" aria-label="{title}"><title>{title}</title>'
        f"<style>{look.style}</style>"
        f'<rect class="ground" width="{width}" height="{HEIGHT}" rx="{HEIGHT // 2}"/>'
        f'<g transform="translate(8 6)">{look.shape}</g>'
    )
    yield _draw_text(word, 30, STATUS_SIZE, 600)
    if small:
        yield f'<path class="line rule" d="M{end + 7.5} 8v12"/>'
        yield _draw_text(small, end + 15, MARKS_SIZE, 400)
    yield "</svg>"


def _draw_text(words: str, x: int, size: int, weight: int) -> str:
    return (
        f'<text class="ink" x="{x}" y="{HEIGHT / 2 + size * 0.36:g}" font-size="{size}" '
        f'font-weight="{weight}" textLength="{_estimate_width(words, size)}" '
        f'lengthAdjust="spacingAndGlyphs">{words}</text>'
    )


NARROW, WIDE = frozenset("fijlrt ,:;.·"), frozenset("mwMWCDO")


def _estimate_width(words: str, size: int) -> int:
    """Return about how wide words are in pixels: the picture makes them just that, in any font."""
    ems = sum(0.34 if letter in NARROW else 0.82 if letter in WIDE else 0.58 for letter in words)
    return round(ems * size)
