"""The command palette: claims, stories, people and actions by a few letters, and the way there.

`Ctrl-K` opens it on every page; without scripts it is a page like others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response

from service.accounts import account_queries
from service.claims import documents
from service.claims.claim_queries import Filters
from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.directory import directory_queries
from service.domain import access
from service.domain.access import Action
from service.domain.errors import Unsearchable
from service.domain.names import normalize_spelling
from service.search.finding import claim_hits
from service.search.finding.claim_hits import ClaimSearch
from service.store.paging import Window
from service.stories import story_queries
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)

SHOWN = 6
"""Of each kind."""
LOOKED_THROUGH = 200
"""Stories and parties whose names are compared; the search finds what lies beyond."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the palette leads to."""

    url: str
    words: str
    beside: str = ""
    status: str | None = None
    """Of a claim."""


@dataclass(frozen=True, slots=True)
class DestinationGroup:
    """Destinations of one kind."""

    title: str
    destinations: list[Destination]


@router.get("/go")
async def show_destinations(
    call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)],
) -> Response:
    """Show where `q` may lead: what one can do comes last, and first where nothing is typed."""
    text = call.request.query_params.get("q", "").strip()[:200]
    actions = DestinationGroup("Actions", _find(_list_actions(call), text))
    groups = [actions]
    if text:
        groups = [
            DestinationGroup("Claims", await _find_claims(call, text)),
            DestinationGroup("Stories", await _find_stories(call, text)),
            DestinationGroup("People and parties", await _find_people(call, text)),
            actions,
        ]
    groups = [group for group in groups if group.destinations]
    return render_page(call, "go.html", text=text, groups=groups)


def _list_actions(call: Call) -> list[Destination]:
    """List the pages of the menu, and those behind one's name."""
    entries = [
        Destination(entry.path, entry.words)
        for entry in call.request.app.state.menu
        if access.is_allowed(
            call.caller, entry.action, public_read=call.services.settings.public_read
        )
    ]
    if access.is_allowed(call.caller, Action.RECORD):
        entries.append(Destination("/intake", "Add an article"))
        entries.append(Destination("/stories#new-story", "Record a story"))
        entries.append(Destination("/parties#new-party", "Add a party"))
    if call.caller is not None:
        entries.append(Destination("/profile", "Profile, password and time zone"))
    return [*entries, Destination("/help", "Help: what the words mean")]


def _find(destinations: Iterable[Destination], text: str) -> list[Destination]:
    """Return those whose words have each word that was typed, as a part."""
    words = normalize_spelling(text).split()
    matching_destinations = [
        destination
        for destination in destinations
        if all(word in normalize_spelling(destination.words) for word in words)
    ]
    return matching_destinations[:SHOWN] if text else matching_destinations


async def _find_claims(call: Call, text: str) -> list[Destination]:
    """Find claims by words, each of which may be typed in part."""
    try:
        query = candidates.parse_beginnings(text)
    except Unsearchable:
        return []
    page = await claim_hits.find_claims(
        call.reader, ClaimSearch(query, Filters(), None, None, SHOWN, None)
    )
    claims = [documents.complete_claim(hit.claim, call.now) for hit in page.hits]
    return [
        Destination(
            f"/claims/{claim['id']}",
            claim["text"],
            claim["claimant"]["name"] if claim["claimant"] else "",
            claim["status"],
        )
        for claim in claims
    ]


async def _find_stories(call: Call, text: str) -> list[Destination]:
    stories = await call.read(story_queries.list_stories, window=Window(LOOKED_THROUGH, None))
    return _find(
        (Destination(f"/stories/{story['slug']}", story["title"]) for story in stories), text
    )


async def _find_people(call: Call, text: str) -> list[Destination]:
    """Find parties, speakers and, for administrators, the desk's people by their names."""
    destinations: list[Destination] = []
    if access.is_allowed(call.caller, Action.READ_RECORDS):
        parties = await call.read(
            directory_queries.list_parties, parent=None, window=Window(LOOKED_THROUGH, None)
        )
        destinations += _find(
            (Destination(f"/parties/{party['slug']}", party["name"]) for party in parties), text
        )
        speakers = await call.read(
            directory_queries.list_speakers, name=text, party=None, window=Window(SHOWN, None)
        )
        destinations += [
            Destination(f"/parties/{speaker['party']}", speaker["name"], speaker["role"] or "")
            for speaker in speakers[:SHOWN]
        ]
    if access.is_allowed(call.caller, Action.MANAGE_USERS):
        names = await call.read(account_queries.read_assignee_names)
        destinations += _find(
            (Destination(f"/admin/people/{id}", name, "desk") for id, name in names.items()), text
        )
    return destinations
