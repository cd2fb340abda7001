"""The charts of a story's figures: what each party said over time, and the tables behind them.

Places across are percentages of the width, places down are pixels: so a chart fits any window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.claims.claim_views import ClaimView, FigureView
from service.domain.claims import Precision, parse_instant
from service.domain.instants import compute_end
from service.domain.texts import print_name

HEIGHT, TOP, BOTTOM = 190, 16, 160
LEFT, RIGHT = 8, 96
"""Per cent between which the points stand; before them stand the numbers of the axis."""
GLYPHS = ("●", "■", "▲", "◆", "✚", "○", "□", "△")
"""Parties differ by shape, so that nobody needs to see a colour."""
MOST_CHARTS = 6


@dataclass(frozen=True, slots=True)
class Point:
    """A figure in the chart, and its row in the table."""

    claim: ClaimView
    party: str
    glyph: str
    words: str
    number: str
    at: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        """Where its glyph stands."""
        return round((self.low + self.high) / 2, 1)


@dataclass(frozen=True, slots=True)
class FigureChart:
    """The figures of one kind: of the same thing, in the same unit."""

    title: str
    points: Sequence[Point]
    """In the order in which they were claimed."""
    steps: Sequence[tuple[Point, Point]]
    """From each figure of a party to its next."""
    grid: Sequence[tuple[float, str]]
    """Lines across, each with its number."""
    parties: Sequence[tuple[str, str]]
    """Glyph and name of each party."""


def draw_charts(claims: Iterable[ClaimView]) -> list[FigureChart]:
    """Draw a chart for each kind of figure that at least two claims have."""
    groups: dict[tuple[str, str], list[ClaimView]] = {}
    for claim in claims:
        figure = claim.get("figure")
        if figure is not None:
            kind = (figure["what"] or "").casefold(), (figure["unit"] or "").casefold()
            groups.setdefault(kind, []).append(claim)
    charts = [_draw_chart(group) for group in groups.values() if len(group) > 1]
    return charts[:MOST_CHARTS]


def _draw_chart(claims: list[ClaimView]) -> FigureChart:
    claims = sorted(claims, key=_find_middle)
    first, last = _find_middle(claims[0]), _find_middle(claims[-1])
    span = (last - first).total_seconds()
    bounds = [_read_bounds(claim) for claim in claims]
    lowest = min(0.0, *(low for low, _ in bounds))
    highest = max(0.0, *(high for _, high in bounds))
    names = dict.fromkeys(map(_name_claimant, claims))
    glyphs = {name: GLYPHS[place % len(GLYPHS)] for place, name in enumerate(names)}

    def place_across(claim: ClaimView) -> float:
        share = (_find_middle(claim) - first).total_seconds() / span if span else 0.5
        return round(LEFT + share * (RIGHT - LEFT), 2)

    def place_down(number: float) -> float:
        share = (number - lowest) / (highest - lowest) if highest > lowest else 0.5
        return round(BOTTOM - share * (BOTTOM - TOP), 1)

    points = [
        Point(
            claim=claim,
            party=_name_claimant(claim),
            glyph=glyphs[_name_claimant(claim)],
            words=describe_figure(claim["figure"]),
            number=_describe_value(claim["figure"]),
            at=place_across(claim),
            low=place_down(low),
            high=place_down(high),
        )
        for claim, (low, high) in zip(claims, bounds, strict=True)
    ]
    return FigureChart(
        title=_build_title(claims[0]["figure"]),
        points=points,
        steps=_list_steps(points),
        grid=[
            (place_down(number), _write_number(number))
            for number in dict.fromkeys((lowest, (lowest + highest) / 2, highest))
        ],
        parties=[(glyph, name) for name, glyph in glyphs.items()],
    )


def _list_steps(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    latest: dict[str, Point] = {}
    steps = []
    for point in points:
        if point.party in latest:
            steps.append((latest[point.party], point))
        latest[point.party] = point
    return steps


def _find_middle(claim: ClaimView) -> datetime:
    """Return the middle of the day, month or year that is known."""
    begin = parse_instant(claim["claimed_at"])
    return begin + (compute_end(begin, Precision(claim["precision"])) - begin) / 2


def _read_bounds(claim: ClaimView) -> tuple[float, float]:
    figure = claim["figure"]
    numbers = (figure["value"], figure["low"], figure["high"])
    bounds = [float(number) for number in numbers if number is not None]
    return bounds[0], bounds[-1]


def describe_figure(figure: FigureView) -> str:
    """Return `12`, `9–12 %`."""
    number = _describe_value(figure)
    return f"{number} {figure['unit']}" if figure["unit"] else number


def _describe_value(figure: FigureView) -> str:
    if figure["value"] is not None:
        return _write_number(figure["value"])
    return f"{_write_number(figure['low'] or 0)}–{_write_number(figure['high'] or 0)}"


def _write_number(number: float) -> str:
    return f"{number:,.10g}"


def _build_title(figure: FigureView) -> str:
    title = ", ".join(filter(None, (figure["what"], figure["unit"]))) or "Figures"
    return f"{title[:1].upper()}{title[1:]}"


def _name_claimant(claim: ClaimView) -> str:
    claimant = claim["claimant"]
    return print_name(claimant["name"]) if claimant else "Unattributed"
