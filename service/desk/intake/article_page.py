"""The page of an article that is being taken in: its text, the form of a passage, what is recorded.

Its routes are in `intake_pages` and `passage_pages`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Response

from service.claims import claim_queries, intake_queries
from service.claims.claim_queries import Filters
from service.claims.claim_views import ClaimView, SimilarView
from service.claims.intake_views import ArticleView
from service.desk.claims import figure_fields
from service.desk.intake import article_text
from service.desk.layout import forms
from service.desk.layout.forms import Form
from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.desk.search.candidates import CandidateKind, Picker
from service.desk.statements import statement_fields
from service.domain import ids
from service.domain.claims import Precision, parse_instant
from service.domain.errors import ClaimdeskError, NotFound
from service.domain.instants import CALENDAR
from service.domain.print_phrases import format_date
from service.stories import story_queries
from service.web.calls import Call

OFFERED = 30
"""Claims that a passage can be linked to without a search."""
STATEMENT = "statement"
"""The field of a statement that is recorded already."""
PASSAGE_FIELDS = (
    *("claim", "kind", "part_of", "supersedes", "tags", "near", "note", STATEMENT),
    *figure_fields.NAMES,
)
NAMES = dict(statement_fields.NAMES) | {
    "text": "claim",
    "kind": "kind",
    "part_of": "part_of",
    "supersedes": "supersedes",
    **figure_fields.PLACES,
    "tags": "tags",
    "does": "claim",
    "stance": "claim",
    "note": "note",
}
"""The fields of a passage, by their places in bodies and commands."""


async def read_intake(call: Call, intake_id: str) -> ArticleView:
    """Read an article that is being taken in. Raises NotFound."""
    article = await call.read(intake_queries.read_intake, intake_id)
    if article is None:
        raise NotFound("This article is no longer being taken in.")
    return article


async def find_article(call: Call, intake_id: str | None) -> ArticleView | None:
    """Find the article that somebody came from, if it is still being taken in."""
    known_id = ids.parse_id(intake_id or "")
    return await call.read(intake_queries.read_intake, known_id) if known_id else None


async def render_article(
    call: Call,
    article: ArticleView,
    typed: Mapping[str, Any],
    error: ClaimdeskError | None = None,
    similar: Sequence[SimilarView] = (),
    words: str = "",
    *,
    searches: bool = False,
) -> Response:
    """Render an article's page; `words` are what a recorded statement was looked for by."""
    picker = Picker(STATEMENT, CandidateKind.STATEMENT, "", chosen=typed[STATEMENT], words=words)
    story = article["story"]
    titles = await call.read(story_queries.read_titles, {story} if story else set())
    return render_page(
        call,
        "intake_text.html",
        error=error,
        article=article,
        pieces=article_text.split_text(article["text"], article["passages"]),
        claims=await list_offered(call, article, typed),
        typed=typed,
        faults=forms.describe_faults(
            error, NAMES | {STATEMENT: STATEMENT if typed[STATEMENT] else "party"}
        ),
        similar=similar,
        voices=await call.read(statement_fields.list_known_voices),
        picker=await candidates.build_picker(call, picker, searches=searches),
        story_title=titles.get(story) if story else None,
    )


def keep_typed(form: Form) -> Mapping[str, Any]:
    """Return what the form of a passage held, to be shown again."""
    stances = {
        name.removeprefix("stand-"): str(value)
        for name, value in form.data.items()
        if name.startswith("stand-") and value
    }
    return {
        **statement_fields.keep_typed(form),
        **form.keep(PASSAGE_FIELDS),
        "stands": stances,
        "conditional": form.is_ticked("conditional"),
        "partial": form.is_ticked("partial"),
    }


def build_empty(article: ArticleView) -> Mapping[str, Any]:
    """Return an empty form with the day, month or year in which the passage before it was said."""
    said_at, said_in = article["source"]["published_at"] or "", ""
    if article["passages"]:
        before = article["passages"][-1]["statement"]
        said_at = before["said_at"]
        if before["precision"] in CALENDAR:
            said_in = format_date(parse_instant(said_at), Precision(before["precision"]))
    return {
        **statement_fields.keep_typed(None),
        **dict.fromkeys(PASSAGE_FIELDS, ""),
        "stands": {},
        "conditional": False,
        "partial": False,
        "language": article["language"],
        "kind": "event",
        "said_on": "" if said_in else said_at[:10],
        "said_in": said_in,
    }


async def list_offered(
    call: Call, article: ArticleView, typed: Mapping[str, Any]
) -> list[ClaimView]:
    """List the claims of the article's story, or of all, the latest changed first.

    Before them come those that were found by a search and are in the form already.
    """
    query = claim_queries.build_list_query(
        Filters(story=article["story"]), limit=OFFERED, after=None, claimant=None, party=None
    )
    look_up = call.reader.look_up
    rows = (await look_up(query.statement, query.parameters))[:OFFERED]
    offered: list[ClaimView] = [orjson.loads(row[0]) for row in rows]
    listed_ids = {claim["id"] for claim in offered}
    chosen_ids = (*typed["stands"], typed["part_of"], typed["supersedes"])
    typed_ids = [ids.parse_id(text) for text in chosen_ids]
    for claim_id in dict.fromkeys(typed_ids[:OFFERED]):
        if claim_id is not None and claim_id not in listed_ids:
            rows = await look_up(claim_queries.CURRENT_CLAIM, {"claim": claim_id})
            offered = [orjson.loads(row[1]) for row in rows] + offered
    return [claim for claim in offered if claim["lifecycle"] == "active"]
