"""What a search may be narrowed to, as links: each value with how many claims have it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from typing_extensions import TypedDict

from service.domain import labels
from service.domain.claims import Kind, Status
from service.search.finding import facets
from service.search.finding.facets import FacetsView

TITLES = {
    "status": "Status",
    "story": "Story",
    "party": "Party",
    "kind": "Kind",
    "language": "Quoted in",
}
LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bs": "Bosnian",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "hr": "Croatian",
    "hu": "Hungarian",
    "it": "Italian",
    "ja": "Japanese",
    "mk": "Macedonian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}
SHOWN = 6
"""Values of a facet that are shown at once; the others are folded up."""


class FacetLink(TypedDict):
    """A value as a link that narrows the search to it, or takes that back."""

    label: str
    count: int | None
    address: str


class FacetGroup(TypedDict):
    """A facet: what the search is narrowed to, the commonest values, and the others."""

    title: str
    chosen: list[FacetLink]
    values: list[FacetLink]
    further: list[FacetLink]


def build_groups(
    query: QueryParams,
    counts: FacetsView | None,
    *,
    stories: Mapping[str, str],
    parties: Mapping[str, str],
) -> list[FacetGroup]:
    """Build the facets that can narrow the search further, and those that have narrowed it.

    `stories` and `parties` are names by slug; without `counts` there is nothing to narrow.
    """
    names: dict[str, Mapping[str, str]] = {
        "status": {status.value: labels.STATUSES[status] for status in Status},
        "story": stories,
        "party": parties,
        "kind": {kind.value: labels.KINDS[kind] for kind in Kind},
        "language": LANGUAGES,
    }
    groups: list[FacetGroup] = []
    for name in facets.NAMES:
        chosen_values = list(dict.fromkeys(value for value in query.getlist(name) if value))
        links: list[FacetLink] = []
        for value in counts[name] if counts is not None else ():  # type: ignore[literal-required]
            if value["value"] not in chosen_values:
                links.append(
                    {
                        "label": names[name].get(value["value"], value["value"]),
                        "count": value["count"],
                        "address": _build_address(query, name, [value["value"]]),
                    }
                )
        group: FacetGroup = {
            "title": TITLES[name],
            "chosen": [
                {
                    "label": names[name].get(value, value),
                    "count": None,
                    "address": _build_address(
                        query, name, [other for other in chosen_values if other != value]
                    ),
                }
                for value in chosen_values
            ],
            "values": links[:SHOWN],
            "further": links[SHOWN:],
        }
        # One value that all have narrows nothing; a party may be one of several.
        if chosen_values or len(links) > 1:
            groups.append(group)
    return groups


def _build_address(query: QueryParams, name: str, values: list[str]) -> str:
    """Build the address of the first page with these values of a facet instead of its present
    ones."""
    pairs = [
        (key, value)
        for key, value in query.multi_items()
        if value and key not in (name, "cursor", "in")
    ]
    return f"/search?{urlencode([*pairs, *((name, value) for value in values)])}"
