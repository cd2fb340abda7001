"""The badge: what it shows and says, that it can be read, and that it is what it was."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from service.domain.claims import Status
from service.publishing import badge
from service.publishing.badge import LOOKS, Look
from tests.publishing.test_markup import HOSTILE, keep_xml_characters

GOLDEN = Path(__file__).parent / "badges"
SVG = "{http://www.w3.org/2000/svg}"
CLAIM: Any = {
    "text": "Serbia reduced troops to normal",
    "status": "disputed",
    "finding": None,
    "challenged": False,
    "override": False,
    "lifecycle": "active",
}


def draw_badge(*, merged: bool = False, as_of: datetime | None = None, **changes: Any) -> bytes:
    return badge.render_badge(CLAIM | changes, is_merged=merged, as_of=as_of)


def read_words(picture: bytes) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("status", Status)
def test_badge_of_each_status_is_its_golden_file(status: Status) -> None:
    """Byte by byte.  Change a golden file only after looking at the picture, light and dark, in
    colour and in grey."""
    assert draw_badge(status=status) == (GOLDEN / f"{status}.svg").read_bytes()


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({}, ["Disputed"]),
        ({"finding": "refuted"}, ["Disputed", "refuted"]),
        ({"status": "confirmed", "challenged": True}, ["Confirmed", "challenged"]),
        (
            {"status": "confirmed", "override": True, "lifecycle": "withdrawn"},
            ["Confirmed", "override · withdrawn"],
        ),
        ({"merged": True}, ["Disputed", "merged"]),
        (
            {"as_of": datetime(2023, 10, 2, 18, tzinfo=UTC)},
            ["Disputed", "as of 2 October 2023, 18:00 UTC"],
        ),
    ],
    ids=str,
)
def test_badge_names_all_marks_of_a_status(changes: dict[str, Any], marks: list[str]) -> None:
    """Findings, overrides, challenges, withdrawals, merges, and an instant that is not now: in the
    picture and in what a screen reader says."""
    picture = draw_badge(**changes)
    assert read_words(picture) == marks
    root = ElementTree.fromstring(picture)
    rest_of_marks = f" ({', '.join(marks[1].split(' · '))})" if marks[1:] else ""
    label = f"{marks[0]}{rest_of_marks}: {CLAIM['text']}"
    assert (root.get("role"), root.get("aria-label")) == ("img", label)
    assert [each.text for each in root.iter(f"{SVG}title")] == [label]


def test_badge_is_as_wide_as_its_words() -> None:
    """Each text is made exactly as wide as the room it has, and ends inside the picture."""
    for status in Status:
        root = ElementTree.fromstring(
            draw_badge(status=status, finding="conflicting", override=True)
        )
        end = 0.0
        for each in root.iter(f"{SVG}text"):
            start = float(each.get("x", 0))
            assert start > end
            end = start + float(each.get("textLength", 0))
        assert end + 8 <= float(root.get("width", 0))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_the_badge(text: str) -> None:
    """Whatever is claimed, the picture is well-formed and nothing but its own parts is in it."""
    root = ElementTree.fromstring(draw_badge(text=text))
    assert root.get("aria-label") == f"Disputed: {keep_xml_characters(text)}"
    tags = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert tags == {"svg", "title", "style", "rect", "g", "path", "text"}
    assert not re.search(r"\b(href|url|src|on\w+)\s*[=(]|@import", draw_badge(text="").decode())


def compute_luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def compute_contrast(colour: str, background: str) -> float:
    lighter, darker = sorted(
        (compute_luminance(colour), compute_luminance(background)), reverse=True
    )
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_badge_has_enough_contrast(look: Look) -> None:
    """Words and shapes stand out 4.5 : 1 and more, on light and on dark (WCAG 2.2, 1.4.3)."""
    assert compute_contrast("#000000", "#ffffff") == pytest.approx(21)
    assert compute_contrast(look.ink, look.ground) >= 4.5
    assert compute_contrast(look.dark_ink, look.dark_ground) >= 4.5
    assert compute_luminance(look.ground) > 0.8
    assert compute_luminance(look.dark_ground) < 0.05


def test_statuses_differ_in_shape_word_and_colour() -> None:
    """No two statuses share any of them."""
    for part in ("shape", "ink", "dark_ink"):
        assert len({getattr(look, part) for look in LOOKS.values()}) == len(Status)


@pytest.mark.parametrize("status", Status)
def test_badge_policy_allows_only_its_style(status: Status) -> None:
    """The hash in the policy is that of the style in the picture (CSP 3, 6.7.3.3)."""
    root = ElementTree.fromstring(draw_badge(status=status))
    (style,) = root.iter(f"{SVG}style")
    digest = b64encode(sha256((style.text or "").encode()).digest()).decode()
    policy = badge.build_content_policy(CLAIM | {"status": status})
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "sandbox",
        "frame-ancestors 'none'",
    ]
