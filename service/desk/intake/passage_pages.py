"""What is selected in an article: what can be guessed of it, and what is recorded from it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from typing_extensions import TypedDict

from service.claims import intake_commands, statement_queries
from service.claims.claim_views import SimilarView
from service.claims.intake_commands import KnownStatement, Passage, PassageLink
from service.claims.statement_views import StatementView
from service.desk.claims import figure_fields
from service.desk.intake import article_page, passage_guesses, recorded_words
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.search import candidates
from service.desk.search.candidates import CandidateKind, Picker
from service.desk.statements import statement_fields
from service.domain import ids
from service.domain.access import Action
from service.domain.claims import Attribution, Kind, Precision, Scope
from service.domain.errors import Conflict, Invalid
from service.domain.inputs import NewClaim, NewStatement
from service.search.similar import similar_claims
from service.search.similar.similarity import ComparedClaim
from service.web.bodies import claim_inputs, statement_inputs
from service.web.bodies.statement_inputs import StatementIn
from service.web.calls import Call, allow
from service.web.fields import RecordId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
LONGEST_TEXT = 100_000


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
    article = await article_page.read_intake(call, intake_id)
    words = article["text"][begin:end]
    if not words.strip():
        raise Invalid("nothing of the text stands there", loc=("query", "end"))
    voices = await call.read(statement_fields.list_known_voices)
    guesses = passage_guesses.guess_passage(article, begin, end, voices)
    guessed = {"rendering": guesses.rendering.value, "language": guesses.language}
    if guesses.spoken_day is not None:
        guessed |= {"said_on": guesses.spoken_day.day.isoformat(), "said_in": ""}
    claims = await article_page.list_offered(call, article, article_page.build_empty(article))
    return render_page(
        call,
        "_guesses.html",
        guesses=guesses,
        guessed=guessed,
        picker=Picker(article_page.STATEMENT, CandidateKind.STATEMENT, ""),
        recorded=await recorded_words.find_recorded(call, words),
        likely=passage_guesses.rank_claims(
            words, [(claim["id"], claim["text"]) for claim in claims]
        ),
    )


@router.post("/intake/{intake_id}/passages")
async def take_passage(intake_id: RecordId, form: Recording) -> Response:
    """Record a passage: whose words, the claim that they make, what they do to others."""
    call = form.call
    article = await article_page.read_intake(call, intake_id)
    if candidates.read_search_field(form, [article_page.STATEMENT]):
        words = candidates.read_words(form, article_page.STATEMENT)
        typed = article_page.keep_typed(form)
        return await article_page.render_article(call, article, typed, words=words, searches=True)
    try:
        source = article["source"]["id"]
        known_statement = await _read_known(form)
        problems = forms.Problems()
        statement: NewStatement | KnownStatement | None
        if known_statement is None:
            typed_statement: StatementIn | None = problems.gather(
                statement_fields.read_statement, form, source
            )
            statement = typed_statement.to_command() if typed_statement else None
            origin = typed_statement and _describe_origin(form, typed_statement)
        else:
            quotes = problems.gather(statement_fields.read_quotes, form, source) or []
            statement = KnownStatement(
                known_statement["id"], tuple(each.to_command() for each in quotes)
            )
            origin = _describe_known(known_statement)
        claim = problems.gather(_read_claim, form, origin, article["story"])
        passage_links = tuple(problems.gather(_read_stands, form) or ())
        problems.raise_any()
        assert statement is not None, "whatever has no result has raised"
        if isinstance(statement, NewStatement) and claim is not None:
            claim = replace(claim, origin=statement)
        if claim is not None and not form.is_ticked("anyway"):
            similar = await _find_similar(
                call, claim.text, claim.kind.value, claim.claimant, claim.part_of
            )
            if same := [other for other in similar if other["probably_same"]]:
                error = Invalid(
                    "this may be recorded already: look at the claims below", loc=("body", "text")
                )
                return await article_page.render_article(
                    call, article, article_page.keep_typed(form), error, same
                )
        passage = Passage(statement, _read_place(form), claim, passage_links)
        command = intake_commands.record_passage
        return await form.carry_out(
            command if known_statement else statement_fields.with_new_party(form, command),
            intake_id,
            passage,
            four_eyes=call.services.four_eyes,
            redirect_to=f"/intake/{intake_id}?done=recorded",
        )
    except (Invalid, Conflict) as error:
        return await article_page.render_article(
            call, article, article_page.keep_typed(form), error
        )


async def _read_known(form: Form) -> StatementView | None:
    """Read the statement that is chosen instead of a new one, if one is.  Raises Invalid."""
    text = form.get_text(article_page.STATEMENT)
    if text is None:
        return None
    statement = None
    if (id := ids.parse_id(text)) is not None:
        statement = await form.call.read(statement_queries.read_statement, id)
    if statement is None:
        raise Invalid("there is no statement with this id", loc=("body", article_page.STATEMENT))
    return statement


class Origin(TypedDict):
    """Whose a claim is that a passage makes, and when it was made, as the API's body has them."""

    claimant: str | None
    speaker: object
    claimed_at: str | datetime
    precision: Precision


def _describe_origin(form: Form, statement: StatementIn) -> Origin:
    is_named = statement.attribution is Attribution.NAMED
    claimant = statement.party if is_named else None
    return {
        "claimant": claimant,
        "speaker": statement_fields.read_speaker(form) if claimant else None,
        "claimed_at": statement.said_at,
        "precision": statement.precision,
    }


def _describe_known(statement: StatementView) -> Origin:
    is_named = statement["attribution"] is Attribution.NAMED
    claimant = statement["party"] if is_named else None
    speaker = statement["speaker"]
    return {
        "claimant": claimant,
        "speaker": speaker["id"] if speaker and claimant else None,
        "claimed_at": statement["said_at"],
        "precision": statement["precision"],
    }


def _read_place(form: Form) -> int | None:
    """Read where in the text the passage was selected."""
    text = form.get_text("near") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _read_claim(form: Form, origin: Origin | None, story: str | None) -> NewClaim | None:
    """Read the claim that a form describes, if it does; the statement becomes its origin.

    Of one whose statement is refused, only what is wrong with the claim itself is raised.
    """
    text = form.get_text("claim")
    if text is None:
        return None
    unsaid: Origin = {
        "claimant": None,
        "speaker": None,
        "claimed_at": statement_fields.UNSAID,
        "precision": Precision.DAY,
    }
    body = forms.parse_body(
        claim_inputs.ClaimIn,
        {
            "text": text,
            "kind": form.get_text("kind") or Kind.EVENT,
            **(origin or unsaid),
            "story": story,
            "tags": forms.split_tags(form.get_text("tags") or ""),
            "part_of": form.get_text("part_of"),
            "supersedes": form.get_text("supersedes"),
            "figure": figure_fields.read_figure(form),
            "origin_statement": ids.make_id(),  # the passage's own takes its place
        },
    )
    return body.to_command() if origin else None


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
