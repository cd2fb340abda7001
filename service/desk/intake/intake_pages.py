"""Intake: articles, their texts, and the stories that they are taken in for."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.claims import intake_commands, intake_queries
from service.claims.intake_views import ArticleView
from service.desk.intake import article_page, story_choice
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.statements import statement_fields
from service.domain import texts
from service.domain.access import Action
from service.domain.errors import ClaimdeskError, Invalid
from service.store.paging import MAX_LIMIT, Window
from service.stories import story_queries
from service.web.bodies.directory_inputs import SourceIn
from service.web.calls import Call, allow
from service.web.fields import RecordId

router = APIRouter(include_in_schema=False)

MayRecord = Annotated[Call, allow(Action.RECORD, page=True)]
Recording = Annotated[Form, accept_form(Action.RECORD)]
LONGEST_TEXT = 100_000
BEGIN_FIELDS = (
    *("url", "publisher", "title", "published_on", "archive_url", "language", "text"),
    *story_choice.FIELDS,
)
BEGIN_NAMES = {"published_at": "published_on"}


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
        faults=forms.describe_faults(error, BEGIN_NAMES),
        stories=await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None)),
        begun=await call.read(intake_queries.list_intakes),
    )


@router.post("/intake")
async def begin(form: Recording) -> Response:
    """Take in a source and its text, to work through passage by passage."""
    try:
        problems = forms.Problems()
        text: str | None = problems.gather(_read_article, form)
        source: SourceIn | None = problems.gather(_read_source, form)
        story = problems.gather(story_choice.read_story, form)
        problems.raise_any()
        assert text is not None, "whatever has no result has raised"
        assert source is not None, "whatever has no result has raised"
        return await form.carry_out(
            story_choice.with_new_story(form, intake_commands.begin_intake),
            source=source.to_command(),
            text=text,
            language=source.language or "",
            story=story,
            redirect_to=lambda intake: f"/intake/{intake}",
        )
    except Invalid as error:
        return await _render_begin(form.call, form.keep(BEGIN_FIELDS), error)


def _read_source(form: Form) -> SourceIn:
    source = forms.parse_body(SourceIn, statement_fields.read_source(form))
    if source.language is None:
        raise Invalid("say in which language it is: en, sr, sq …", loc=("body", "language"))
    return source


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


@router.get("/intake/{intake_id}")
async def show_text(intake_id: RecordId, call: MayRecord) -> Response:
    article = await article_page.read_intake(call, intake_id)
    return await article_page.render_article(call, article, article_page.build_empty(article))


@router.get("/intake/{intake_id}/story")
async def show_story_choice(intake_id: RecordId, call: MayRecord) -> Response:
    article = await article_page.read_intake(call, intake_id)
    typed = {"story": article["story"] or "", "new_story": ""}
    return await _render_story_choice(call, article, typed)


async def _render_story_choice(
    call: Call,
    article: ArticleView,
    typed: Mapping[str, str],
    error: ClaimdeskError | None = None,
) -> Response:
    return render_page(
        call,
        "intake_story.html",
        error=error,
        article=article,
        typed=typed,
        faults=forms.describe_faults(error),
        stories=await call.read(story_queries.list_stories, window=Window(MAX_LIMIT, None)),
    )


@router.post("/intake/{intake_id}/story")
async def choose_story(intake_id: RecordId, form: Recording) -> Response:
    """Choose the story of the claims that are still to be recorded, or name a new one."""
    article = await article_page.read_intake(form.call, intake_id)
    try:
        return await form.carry_out(
            story_choice.with_new_story(form, intake_commands.choose_story),
            intake_id,
            story_choice.read_story(form),
            redirect_to=f"/intake/{intake_id}?done=saved",
        )
    except Invalid as error:
        typed = form.keep(story_choice.FIELDS)
        return await _render_story_choice(form.call, article, typed, error)


@router.post("/intake/{intake_id}/finish")
async def finish(intake_id: RecordId, form: Recording) -> Response:
    """Forget the text; what was recorded from it stays."""
    return await form.carry_out(
        intake_commands.finish_intake, intake_id, redirect_to="/?done=saved"
    )
