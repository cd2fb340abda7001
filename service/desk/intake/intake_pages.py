"""Intake: an article's text, and what is recorded from its passages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from service.claims import claim_queries, intake_commands, intake_queries
from service.claims.claim_queries import Filters
from service.claims.claim_views import SimilarView
from service.claims.intake_commands import Passage, PassageLink
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.rendering import render
from service.desk.statements import statement_fields
from service.domain import ids, texts
from service.domain.access import Action
from service.domain.claims import Kind, Precision, Scope
from service.domain.errors import ClaimdeskError, Conflict, Invalid, NotFound
from service.domain.inputs import NewClaim
from service.search.similar import similar_claims
from service.search.similar.similarity import ComparedClaim
from service.store.paging import MAX_LIMIT, Window
from service.stories import story_queries
from service.web.bodies import claim_inputs
from service.web.bodies.directory_inputs import SourceIn
from service.web.calls import Call, allow
from service.web.fields import In, RecordId, Slug

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, posted(Action.RECORD)]
LONGEST_TEXT = 100_000
OFFERED = 60
"""Claims that a passage can be held against without a search."""
BEGIN_FIELDS = (
    "url",
    "publisher",
    "title",
    "published_on",
    "archive_url",
    "language",
    "story",
    "text",
)
PASSAGE_FIELDS = ("claim", "kind", "part_of", "tags", "near", "note")


class Begun(In):
    """What an article is taken in for."""

    story: Slug | None = None


@router.get("/intake")
async def show_intake(call: MayRecord) -> Response:
    return await _begin_form(call, dict.fromkeys(BEGIN_FIELDS, "") | {"language": "en"})


async def _begin_form(
    call: Call, typed: Mapping[str, str], error: ClaimdeskError | None = None
) -> Response:
    faults = {}
    if isinstance(error, Invalid):
        faults = forms.faults(error, {"published_at": "published_on"})
    return render(
        call.request,
        "intake.html",
        caller=call.caller,
        now=call.now,
        status=error.status if error else 200,
        typed=typed,
        faults=faults,
        stories=await _stories(call),
        begun=await call.read(intake_queries.list_intakes),
    )


async def _stories(call: Call) -> list[dict[str, Any]]:
    return await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None))


@router.post("/intake")
async def begin(form: Recording) -> Response:
    """A source and its text, to work through passage by passage."""
    text = form.verbatim("text")
    try:
        if text is None:
            raise Invalid("paste the article’s text", loc=("body", "text"))
        try:
            # Quotes are found in it letter by letter: both are in the same form.
            text = texts.clean_prose(text)
        except ValueError as error:
            raise Invalid(str(error), loc=("body", "text")) from error
        if len(text) > LONGEST_TEXT:
            raise Invalid(
                f"a text has up to {LONGEST_TEXT:,} characters: take it in in parts",
                loc=("body", "text"),
            )
        source = forms.body(SourceIn, statement_fields.source(form))
        if source.language is None:
            raise Invalid("say in which language it is: en, sr, sq …", loc=("body", "language"))
        return await form.carry_out(
            intake_commands.begin_intake,
            source=source.to_command(),
            text=text,
            language=source.language,
            story=forms.body(Begun, {"story": form.text("story")}).story,
            then=lambda begun: f"/intake/{begun}",
        )
    except Invalid as error:
        typed = {name: form.verbatim(name) or "" for name in BEGIN_FIELDS}
        return await _begin_form(form.call, typed, error)


@router.get("/intake/similar")
async def show_similar(
    call: MayRecord,
    text: Annotated[str, Query(max_length=2000)] = "",
    kind: Annotated[str, Query(max_length=20)] = "event",
    party: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The claims that may be the one being typed: a part of the page, for scripts."""
    found = []
    if len(text.strip()) > 3:
        found = await _similar(call, text.strip(), kind, party or None, None)
    return render(call.request, "similar.html", caller=call.caller, now=call.now, similar=found)


async def _similar(
    call: Call, text: str, kind: str, party: str | None, part_of: str | None
) -> list[SimilarView]:
    known = Kind(kind) if kind in {*Kind} else Kind.EVENT
    voices = frozenset({party}) if party else frozenset()
    claim = ComparedClaim(text, known, voices, call.now.date())
    return await similar_claims.find_similar_to_new(call.services.database, claim, part_of=part_of)


@router.get("/intake/{intake_id}")
async def show_text(intake_id: RecordId, call: MayRecord) -> Response:
    return await _text(call, intake_id, None)


async def _text(
    call: Call,
    intake_id: str,
    form: Form | None,
    error: ClaimdeskError | None = None,
    near: list[SimilarView] | None = None,
) -> Response:
    article = await call.read(intake_queries.read_intake, intake_id)
    if article is None:
        raise NotFound("This article is no longer being taken in.")
    known = await call.read(statement_fields.known)
    typed = _typed(form) if form else _suggested(article)
    offered = await _offered(call, article, typed)
    faults: dict[str, str] = {}
    if isinstance(error, Invalid):
        faults = forms.faults(error, NAMES)
    elif error is not None:
        faults = {forms.TOP: error.detail}
    return render(
        call.request,
        "intake_text.html",
        caller=call.caller,
        now=call.now,
        status=error.status if error else 200,
        article=article,
        segments=segments(article["text"], article["passages"]),
        claims=offered,
        typed=typed,
        faults=faults,
        similar=near or [],
        **known,
    )


NAMES = dict(statement_fields.NAMES) | {
    "text": "claim",
    "kind": "kind",
    "part_of": "part_of",
    "tags": "tags",
    "story": "story",
    "does": "claim",
    "stance": "claim",
    "note": "note",
    "statement": "claim",
}


def _typed(form: Form) -> dict[str, Any]:
    return (
        statement_fields.typed(form)
        | {name: form.verbatim(name) or "" for name in PASSAGE_FIELDS}
        | {
            "stands": {
                name.removeprefix("stand-"): str(value)
                for name, value in form.data.items()
                if name.startswith("stand-") and value
            },
            "conditional": form.ticked("conditional"),
            "partial": form.ticked("partial"),
        }
    )


def _suggested(article: Mapping[str, Any]) -> dict[str, Any]:
    """An empty form, but for what the passage before makes likely: the day on which it was said."""
    typed: dict[str, Any] = statement_fields.typed(None)
    typed |= dict.fromkeys(PASSAGE_FIELDS, "") | {
        "stands": {},
        "conditional": False,
        "partial": False,
        "language": article["language"],
        "kind": "event",
    }
    if article["passages"]:
        typed["said_on"] = article["passages"][-1]["statement"]["said_at"][:10]
    elif article["source"]["published_at"]:
        typed["said_on"] = article["source"]["published_at"][:10]
    return typed


async def _offered(
    call: Call, article: Mapping[str, Any], typed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The claims of the article's story, latest changed first; of all, where it has none.  Ahead
    of them those that were found by searching and are in the form already."""
    query = claim_queries.build_list_query(
        Filters(story=article["story"]), limit=OFFERED, after=None, claimant=None, party=None
    )
    look_up = call.services.database.look_up
    rows = (await look_up(query.statement, query.parameters))[:OFFERED]
    offered = [orjson.loads(row[0]) for row in rows]
    known = {claim["id"] for claim in offered}
    picked = [
        one for one in (*map(ids.parse_id, typed["stands"]), ids.parse_id(typed["part_of"])) if one
    ]
    for wanted in dict.fromkeys(picked[:OFFERED]):
        if wanted not in known:
            found = await look_up(claim_queries.CURRENT_CLAIM, {"claim": wanted})
            offered = [orjson.loads(row[1]) for row in found] + offered
    return [
        {name: claim[name] for name in ("id", "text", "status", "claimant")}
        for claim in offered
        if claim["lifecycle"] == "active"
    ]


def segments(text: str, passages: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    """The text in pieces: those that are recorded with the place of their passage in the list."""
    ranges = []
    for number, one in enumerate(passages):
        if one["exact"] is None:
            continue
        at = text.find((one["prefix"] or "") + one["exact"])
        begin = at + len(one["prefix"] or "") if at != -1 else text.find(one["exact"])
        if begin != -1:
            ranges.append((begin, begin + len(one["exact"]), number))
    found: list[tuple[str, int | None]] = []
    done = 0
    for begin, end, number in sorted(ranges):
        if end <= done:
            continue
        if begin > done:
            found.append((text[done:begin], None))
        found.append((text[max(begin, done) : end], number))
        done = end
    return [*found, (text[done:], None)]


@router.post("/intake/{intake_id}/passages")
async def take(intake_id: RecordId, form: Recording, request: Request) -> Response:
    """Record a passage: whose words, the claim that they make, what they do to others."""
    call = form.call
    try:
        article = await call.read(intake_queries.read_intake, intake_id)
        if article is None:
            raise NotFound("This article is no longer being taken in.")
        problems = forms.Problems()
        source = article["source"]["id"]
        said = problems.gather(statement_fields.statement, form, source)
        claim = problems.gather(_claim, form, said, article["story"])
        stands = tuple(problems.gather(_stands, form) or ())
        problems.raise_any()
        assert said is not None, "what a check does not make, it tells of"
        if claim is not None and not form.ticked("anyway"):
            near = [
                one
                for one in await _similar(
                    call, claim.text, claim.kind.value, claim.claimant, claim.part_of
                )
                if one["probably_same"]
            ]
            if near:
                error = Invalid(
                    "this may be recorded already: look at the claims below", loc=("body", "text")
                )
                return await _text(call, intake_id, form, error, near)
        passage = Passage(statement=said.to_command(), near=_near(form), claim=claim, stands=stands)
        return await form.carry_out(
            statement_fields.with_new_party(form, intake_commands.record_passage),
            intake_id,
            passage,
            four_eyes=form.call.services.four_eyes,
            then=f"/intake/{intake_id}?done=recorded",
        )
    except (Invalid, Conflict) as error:
        return await _text(call, intake_id, form, error)


def _near(form: Form) -> int | None:
    text = form.text("near") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _claim(form: Form, said: claim_inputs.StatementIn | None, story: str | None) -> NewClaim | None:
    """The claim that a form tells of; of one whose statement is refused, only what is wrong with
    the claim itself is told."""
    text = form.text("claim")
    if text is None:
        return None
    tags = [one.strip() for one in (form.text("tags") or "").split(",") if one.strip()]
    body = forms.body(
        claim_inputs.ClaimIn,
        {
            "text": text,
            "kind": form.text("kind") or Kind.EVENT,
            "claimant": said.party if said else None,
            "speaker": statement_fields.speaker(form) if said else None,
            "claimed_at": said.said_at if said else statement_fields.UNSAID,
            "precision": said.precision if said else Precision.DAY,
            "story": story,
            "tags": tags,
            "part_of": form.text("part_of"),
            "origin_statement": ids.make_id(),  # the passage's own takes its place
        },
    )
    if said is None:
        return None
    return replace(body.to_command(), origin=said.to_command())


def _stands(form: Form) -> list[PassageLink]:
    found = []
    for name, value in form.data.items():
        claim = ids.parse_id(name.removeprefix("stand-")) if name.startswith("stand-") else None
        if claim is None or not value:
            continue
        link = forms.body(
            claim_inputs.LinkIn,
            {
                "statement": claim,  # the passage's own takes its place
                "stance": value,
                "scope": Scope.PARTIAL if form.ticked("partial") else Scope.FULL,
                "conditional": form.ticked("conditional"),
                "note": form.text("note"),
            },
        )
        found.append(PassageLink(claim, link.to_command()))
    return found


@router.post("/intake/{intake_id}/finish")
async def finish(intake_id: RecordId, form: Recording) -> Response:
    """Forget the text; what was recorded from it stays."""
    return await form.carry_out(intake_commands.finish_intake, intake_id, then="/?done=saved")
