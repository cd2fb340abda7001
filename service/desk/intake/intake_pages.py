"""Intake: an article's text, and what is recorded from its passages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from service.claims import claim_queries, intake_commands, intake_queries
from service.claims.claim_queries import Filters
from service.claims.claim_views import ClaimView, SimilarView
from service.claims.intake_commands import Passage, PassageLink
from service.claims.intake_views import ArticleView
from service.desk.claims import figure_fields
from service.desk.intake import article_text, passage_guesses, story_choice
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.statements import statement_fields
from service.domain import ids, texts
from service.domain.access import Action
from service.domain.claims import Attribution, Kind, Precision, Scope, parse_instant
from service.domain.errors import ClaimdeskError, Conflict, Invalid, NotFound
from service.domain.inputs import NewClaim
from service.domain.instants import CALENDAR
from service.domain.print_phrases import format_date
from service.search.similar import similar_claims
from service.search.similar.similarity import ComparedClaim
from service.store.paging import MAX_LIMIT, Window
from service.stories import story_queries
from service.web.bodies import claim_inputs, statement_inputs
from service.web.bodies.directory_inputs import SourceIn
from service.web.bodies.statement_inputs import StatementIn
from service.web.calls import Call, allow
from service.web.fields import RecordId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
LONGEST_TEXT = 100_000
OFFERED = 30
"""Claims that a passage can be linked to without a search."""
BEGIN_FIELDS = (
    "url",
    "publisher",
    "title",
    "published_on",
    "archive_url",
    "language",
    *story_choice.FIELDS,
    "text",
)
PASSAGE_FIELDS = (
    *("claim", "kind", "part_of", "supersedes", "tags", "near", "note"),
    *figure_fields.NAMES,
)
NAMES = dict(statement_fields.NAMES) | {
    "text": "claim",
    "kind": "kind",
    "part_of": "part_of",
    "supersedes": "supersedes",
    **figure_fields.PLACES,
    "tags": "tags",
    "story": "story",
    "does": "claim",
    "stance": "claim",
    "note": "note",
    "statement": "claim",
}


@router.get("/intake")
async def show_intake(
    call: MayRecord, story: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Show the form of an article, for a story if an address says so."""
    typed = dict.fromkeys(BEGIN_FIELDS, "") | {"language": "en", "story": story}
    return await _render_begin(call, typed)


async def _render_begin(
    call: Call, typed: Mapping[str, str], error: ClaimdeskError | None = None
) -> Response:
    return render_page(
        call,
        "intake.html",
        error=error,
        typed=typed,
        faults=forms.describe_faults(error, {"published_at": "published_on"}),
        stories=await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None)),
        begun=await call.read(intake_queries.list_intakes),
    )


@router.post("/intake")
async def begin(form: Recording) -> Response:
    """Take in a source and its text, to work through passage by passage."""
    try:
        text = _read_article(form)
        source = forms.parse_body(SourceIn, statement_fields.read_source(form))
        if source.language is None:
            raise Invalid("say in which language it is: en, sr, sq …", loc=("body", "language"))
        return await form.carry_out(
            story_choice.with_new_story(form, intake_commands.begin_intake),
            source=source.to_command(),
            text=text,
            language=source.language,
            story=story_choice.read_story(form),
            redirect_to=lambda intake: f"/intake/{intake}",
        )
    except Invalid as error:
        return await _render_begin(form.call, form.keep(BEGIN_FIELDS), error)


def _read_article(form: Form) -> str:
    """Read the text, in the form in which quotes are found in it letter by letter."""
    text = form.get_verbatim("text")
    if text is None:
        raise Invalid("paste the article’s text", loc=("body", "text"))
    try:
        text = texts.clean_prose(text)
    except ValueError as error:
        raise Invalid(str(error), loc=("body", "text")) from error
    if len(text) > LONGEST_TEXT:
        raise Invalid(
            f"a text has up to {LONGEST_TEXT:,} characters: take it in in parts",
            loc=("body", "text"),
        )
    return text


@router.get("/intake/similar")
async def show_similar(
    call: MayRecord,
    text: Annotated[str, Query(max_length=2000)] = "",
    kind: Annotated[str, Query(max_length=20)] = "event",
    party: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Show the claims that may be the one being typed: a part of the page, for its script."""
    similar: Sequence[SimilarView] = []
    if len(text.strip()) > 3:
        similar = await _find_similar(call, text.strip(), kind, party or None, None)
    return render_page(call, "similar.html", similar=similar)


async def _find_similar(
    call: Call, text: str, kind: str, party: str | None, part_of: str | None
) -> Sequence[SimilarView]:
    claim = ComparedClaim(
        text,
        Kind(kind) if kind in {*Kind} else Kind.EVENT,
        frozenset({party} if party else ()),
        call.now.date(),
    )
    return await similar_claims.find_similar_to_new(call.reader, claim, part_of=part_of)


@router.get("/intake/{intake_id}")
async def show_text(intake_id: RecordId, call: MayRecord) -> Response:
    article = await _read_intake(call, intake_id)
    return await _render_text(call, article, _suggest(article))


async def _read_intake(call: Call, intake_id: str) -> ArticleView:
    """Read an article that is being taken in. Raises NotFound."""
    article = await call.read(intake_queries.read_intake, intake_id)
    if article is None:
        raise NotFound("This article is no longer being taken in.")
    return article


async def _render_text(
    call: Call,
    article: ArticleView,
    typed: Mapping[str, Any],
    error: ClaimdeskError | None = None,
    similar: Sequence[SimilarView] = (),
) -> Response:
    return render_page(
        call,
        "intake_text.html",
        error=error,
        article=article,
        pieces=article_text.split_text(article["text"], article["passages"]),
        claims=await _list_offered(call, article, typed),
        typed=typed,
        faults=forms.describe_faults(error, NAMES),
        similar=similar,
        voices=await call.read(statement_fields.list_known_voices),
    )


def _keep_typed(form: Form) -> Mapping[str, Any]:
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


def _suggest(article: ArticleView) -> Mapping[str, Any]:
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


async def _list_offered(
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


@router.get("/intake/{intake_id}/guesses")
async def show_guesses(
    intake_id: RecordId,
    call: MayRecord,
    begin: Annotated[int, Query(ge=0, lt=LONGEST_TEXT)],
    end: Annotated[int, Query(gt=0, le=LONGEST_TEXT)],
) -> Response:
    """Show what can be guessed of a passage that was selected: a part of the page, for its script.

    Places are in characters.
    """
    article = await _read_intake(call, intake_id)
    words = article["text"][begin:end]
    if not words.strip():
        raise Invalid("nothing of the text stands there", loc=("query", "end"))
    voices = await call.read(statement_fields.list_known_voices)
    guesses = passage_guesses.guess_passage(article, begin, end, voices)
    guessed = {"rendering": guesses.rendering.value, "language": guesses.language}
    if guesses.said_on is not None:
        guessed |= {"said_on": guesses.said_on.isoformat(), "said_in": ""}
    claims = await _list_offered(call, article, _suggest(article))
    return render_page(
        call,
        "_guesses.html",
        guesses=guesses,
        guessed=guessed,
        likely=passage_guesses.rank_claims(
            words, [(claim["id"], claim["text"]) for claim in claims]
        ),
    )


@router.post("/intake/{intake_id}/passages")
async def take_passage(intake_id: RecordId, form: Recording) -> Response:
    """Record a passage: whose words, the claim that they make, what they do to others."""
    call = form.call
    article = await _read_intake(call, intake_id)
    try:
        problems = forms.Problems()
        source = article["source"]["id"]
        statement: StatementIn | None = problems.gather(
            statement_fields.read_statement, form, source
        )
        claim = problems.gather(_read_claim, form, statement, article["story"])
        passage_links = tuple(problems.gather(_read_stands, form) or ())
        problems.raise_any()
        assert statement is not None, "whatever has no result has raised"
        if claim is not None and not form.is_ticked("anyway"):
            similar = await _find_similar(
                call, claim.text, claim.kind.value, claim.claimant, claim.part_of
            )
            if same := [other for other in similar if other["probably_same"]]:
                error = Invalid(
                    "this may be recorded already: look at the claims below", loc=("body", "text")
                )
                return await _render_text(call, article, _keep_typed(form), error, same)
        passage = Passage(
            statement=statement.to_command(),
            near=_read_place(form),
            claim=claim,
            stands=passage_links,
        )
        return await form.carry_out(
            statement_fields.with_new_party(form, intake_commands.record_passage),
            intake_id,
            passage,
            four_eyes=call.services.four_eyes,
            redirect_to=f"/intake/{intake_id}?done=recorded",
        )
    except (Invalid, Conflict) as error:
        return await _render_text(call, article, _keep_typed(form), error)


def _read_place(form: Form) -> int | None:
    """Read where in the text the passage was selected."""
    text = form.get_text("near") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _read_claim(form: Form, statement: StatementIn | None, story: str | None) -> NewClaim | None:
    """Read the claim that a form describes, if it does.

    Of one whose statement is refused, only what is wrong with the claim itself is raised.
    """
    text = form.get_text("claim")
    if text is None:
        return None
    is_named = statement is not None and statement.attribution is Attribution.NAMED
    claimant = statement.party if statement and is_named else None
    body = forms.parse_body(
        claim_inputs.ClaimIn,
        {
            "text": text,
            "kind": form.get_text("kind") or Kind.EVENT,
            "claimant": claimant,
            "speaker": statement_fields.read_speaker(form) if claimant else None,
            "claimed_at": statement.said_at if statement else statement_fields.UNSAID,
            "precision": statement.precision if statement else Precision.DAY,
            "story": story,
            "tags": forms.split_tags(form.get_text("tags") or ""),
            "part_of": form.get_text("part_of"),
            "supersedes": form.get_text("supersedes"),
            "figure": figure_fields.read_figure(form),
            "origin_statement": ids.make_id(),  # the passage's own takes its place
        },
    )
    if statement is None:
        return None
    return replace(body.to_command(), origin=statement.to_command())


def _read_stands(form: Form) -> list[PassageLink]:
    """Read what the passage does to claims that are recorded already."""
    passage_links = []
    for name, value in form.data.items():
        claim = ids.parse_id(name.removeprefix("stand-")) if name.startswith("stand-") else None
        if claim is None or not value:
            continue
        link = forms.parse_body(
            statement_inputs.LinkIn,
            {
                "statement": claim,  # the passage's own takes its place
                "stance": value,
                "scope": Scope.PARTIAL if form.is_ticked("partial") else Scope.FULL,
                "conditional": form.is_ticked("conditional"),
                "note": form.get_text("note"),
            },
        )
        passage_links.append(PassageLink(claim, link.to_command()))
    return passage_links


@router.post("/intake/{intake_id}/finish")
async def finish(intake_id: RecordId, form: Recording) -> Response:
    """Forget the text; what was recorded from it stays."""
    return await form.carry_out(
        intake_commands.finish_intake, intake_id, redirect_to="/?done=saved"
    )
