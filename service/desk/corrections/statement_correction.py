"""The form that corrects a statement and its quotes."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.claims import correction_queries, statement_corrections, statement_queries
from service.claims.statement_views import QuoteView, StatementView
from service.desk.corrections import correction_fields
from service.desk.corrections.correction_fields import Typed
from service.desk.intake import article_page
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.rendering import render_page
from service.desk.statements import statement_fields
from service.desk.statements.statement_pages import ConcernedClaim
from service.directory import directory_queries
from service.domain import access, addresses
from service.domain.access import Action
from service.domain.claims import Attribution
from service.domain.errors import ClaimdeskError, Conflict, Invalid, PreconditionFailed
from service.domain.subjects import SubjectKind
from service.web.bodies import correction_inputs
from service.web.calls import Call, allow, require_found
from service.web.fields import StatementId

router = APIRouter(include_in_schema=False)

VOICE = ("party", "new_party", "new_parent", "speaker", "role", "description", "withheld")
MOMENT = ("said_on", "said_hour", "said_in")
SOURCE = ("url", "publisher")
SELECTOR = ("exact", "prefix", "suffix")
QUOTE = ("text", "language", "rendering", *SOURCE, *SELECTOR)
"""The fields of a quote; its place follows each name."""
QUOTE_LABELS = {
    "text": "The words",
    "language": "Language",
    "rendering": "Wording",
    "url": "Address of the source",
    "publisher": "Outlet",
    "exact": "The passage",
    "prefix": "Before it",
    "suffix": "After it",
}
PLACES = {
    **{place: name for place, name in statement_fields.NAMES.items() if "quotes" not in place},
    "reason": "reason",
    "withheld_reason": "withheld",
}
QUOTE_PLACES = {
    "source.publisher": "publisher",
    "source": "url",
    "selector.exact": "exact",
    "selector.prefix": "prefix",
    "selector.suffix": "suffix",
    "selector": "exact",
}


def _read_recorded(statement: StatementView, withheld: str | None) -> dict[str, str]:
    """Return what is recorded, as the form's fields have it."""
    speaker = statement["speaker"]
    moment = correction_fields.split_moment(statement["said_at"], statement["precision"])
    record = {
        "party": statement["party"] or "",
        "new_party": "",
        "new_parent": "",
        "speaker": speaker["name"] if speaker else "",
        "role": (speaker["role"] if speaker else None) or "",
        "description": statement["description"] or "",
        "withheld": withheld or "",
        **dict(zip(MOMENT, moment, strict=True)),
        "basis": str(statement["basis"]),
    }
    for place, quote in enumerate(statement["quotes"]):
        record |= {f"{name}-{place}": text for name, text in _read_quote(quote).items()}
    return record


def _read_quote(quote: QuoteView) -> dict[str, str]:
    selector: Mapping[str, Any] = quote["selector"] or {}
    return {
        "text": quote["text"],
        "language": quote["language"],
        "rendering": str(quote["rendering"]),
        "url": quote["source"]["url"],
        "publisher": quote["source"]["publisher"] or "",
        **{name: selector.get(name, "") for name in SELECTOR},
    }


def _name_fields(quotes: int) -> dict[str, str]:
    """Name the fields of the quotes, for the list of what is wrong."""
    numbers = [""] if quotes == 1 else [f" ({place + 1})" for place in range(quotes)]
    return {"reason": "Why it was wrong"} | {
        f"{name}-{place}": f"{label}{number}"
        for place, number in enumerate(numbers)
        for name, label in QUOTE_LABELS.items()
    }


async def _read_statement(call: Call, statement_id: str) -> tuple[StatementView, dict[str, str]]:
    """Read a statement, and it as the form's fields have it.  Raises NotFound."""
    statement = require_found(
        await call.read(statement_queries.read_statement, statement_id),
        "There is no statement with this id.",
    )
    withheld = None
    if access.is_allowed(call.actor, Action.READ_WITHHELD):
        withheld = await call.read(statement_queries.read_withheld_reason, statement_id)
    return statement, _read_recorded(statement, withheld)


async def _render(
    call: Call,
    statement_id: str,
    *,
    intake: str | None,
    form: Form | None = None,
    typed: Typed | None = None,
    error: ClaimdeskError | None = None,
) -> Response:
    statement, record = await _read_statement(call, statement_id)
    claims_shown = await call.read(statement_queries.list_claims, statement_id)
    return render_page(
        call,
        "statement_correction.html",
        error=error,
        statement=statement,
        article=await article_page.find_article(call, intake),
        concerned=[
            ConcernedClaim(orjson.loads(row["document"]), row["link"]) for row in claims_shown
        ],
        voices=await call.read(statement_fields.list_known_voices),
        version=await call.read(
            correction_queries.read_version, SubjectKind.STATEMENT, statement_id
        ),
        recorded=record,
        digests=correction_fields.build_digests(record),
        typed=typed.catch_up(record) if typed else record,
        touched=typed.touched if typed else (),
        reason=(form.get_verbatim("reason") if form else None) or "",
        material=form is not None and form.is_ticked("material"),
        is_changed=isinstance(error, PreconditionFailed),
        faults=_describe_faults(error, _list_touched_quotes(typed) if typed else ()),
        labels=_name_fields(len(statement["quotes"])),
    )


@router.get("/statements/{statement_id}/correction")
async def show_correction(
    statement_id: StatementId,
    call: Annotated[Call, allow(Action.REVERSE, page=True)],
    intake: str | None = None,
) -> Response:
    """Show the form; `intake` is the article that one came from, and goes back to."""
    return await _render(call, statement_id, intake=intake)


@router.post("/statements/{statement_id}/correction")
async def correct(
    statement_id: StatementId, form: Annotated[Form, accept_form(Action.REVERSE)]
) -> Response:
    """Record what is right of a statement, on every claim that shows it."""
    statement, record = await _read_statement(form.call, statement_id)
    typed = correction_fields.read_typed(form, record)
    intake = form.get_text("intake")
    article = await article_page.find_article(form.call, intake)
    page = f"/intake/{article['id']}" if article else f"/statements/{statement_id}"
    try:
        body = await _read_correction(form, typed, statement["quotes"])
        return await form.carry_out(
            statement_fields.with_new_party(form, statement_corrections.correct_statement),
            statement_id,
            body.to_command(),
            reason=body.reason,
            material=body.material,
            version=form.version,
            redirect_to=f"{page}?done=corrected",
        )
    except (Invalid, Conflict, PreconditionFailed) as error:
        return await _render(
            form.call, statement_id, intake=intake, form=form, typed=typed, error=error
        )


async def _read_correction(
    form: Form, typed: Typed, quotes: Sequence[QuoteView]
) -> correction_inputs.StatementCorrectionIn:
    """Read the fields that were changed.  Raises Invalid with all that is wrong with them."""
    problems = forms.Problems()
    values: dict[str, object] = {
        "reason": form.get_text("reason") or "",
        "material": form.is_ticked("material"),
    }
    if typed.has_touched("party", "new_party"):
        values["party"] = problems.gather(statement_fields.read_party, form)
    if typed.has_touched("party", "new_party", "speaker", "role"):
        values["speaker"] = problems.gather(statement_fields.read_speaker, form)
    if typed.has_touched(*MOMENT):
        moment = problems.gather(statement_fields.read_instant, form, *MOMENT)
        values |= dict(zip(("said_at", "precision"), moment, strict=True)) if moment else {}
    if typed.has_touched("basis"):
        values["basis"] = form.get_text("basis") or ""
    if typed.has_touched("description", "withheld"):
        values |= _read_attribution(form)
    touched_places = _list_touched_quotes(typed)
    if touched_places:
        values["quotes"] = [
            {"id": quotes[place]["id"], **await _read_quote_correction(form, typed, place)}
            for place in touched_places
        ]
    body: correction_inputs.StatementCorrectionIn | None = problems.gather(
        forms.parse_body, correction_inputs.StatementCorrectionIn, values
    )
    problems.raise_any()
    assert body is not None, "whatever has no result has raised"
    return body


def _read_attribution(form: Form) -> dict[str, object]:
    """Read how a source is described that is not named; one that is not described is named.

    Who does not see why a name is withheld leaves that as it is.
    """
    description, withheld = form.get_text("description"), form.get_text("withheld")
    if description is None and withheld is None:
        return {"attribution": Attribution.NAMED}
    attribution: dict[str, object] = {
        "attribution": Attribution.UNNAMED,
        "description": description,
    }
    return attribution if withheld is None else attribution | {"withheld_reason": withheld}


def _list_touched_quotes(typed: Typed) -> list[int]:
    """List the places of the quotes that the sender changed."""
    return sorted({int(name.partition("-")[2]) for name in typed.touched if "-" in name})


async def _read_quote_correction(form: Form, typed: Typed, place: int) -> dict[str, object]:
    """Read the fields of a quote that were changed."""
    values: dict[str, object] = {}
    if typed.has_touched(f"text-{place}"):
        values["text"] = form.get_verbatim(f"text-{place}") or ""
    for name in ("language", "rendering"):
        if typed.has_touched(f"{name}-{place}"):
            values[name] = form.get_text(f"{name}-{place}") or ""
    if typed.has_touched(*(f"{name}-{place}" for name in SOURCE)):
        values["source"] = await _find_source(form, place)
    if typed.has_touched(*(f"{name}-{place}" for name in SELECTOR)):
        parts = {name: form.get_verbatim(f"{name}-{place}") for name in SELECTOR}
        values["selector"] = (
            {name: part or "" for name, part in parts.items()} if any(parts.values()) else None
        )
    return values


async def _find_source(form: Form, place: int) -> str | dict[str, str | None]:
    """Find the source that is meant: one that has the address and outlet, or a new one."""
    url, publisher = form.get_text(f"url-{place}") or "", form.get_text(f"publisher-{place}")
    try:
        address = addresses.clean_address(url)
    except ValueError:
        return {"url": url, "publisher": publisher}  # whoever checks the body says what is wrong
    source = await form.call.read(directory_queries.find_source_at, address)
    if source is not None and publisher in (None, source["publisher"]):
        return source.get("merged_into", source["id"])
    return {"url": url, "publisher": publisher}


def _describe_faults(error: ClaimdeskError | None, places: Sequence[int]) -> dict[str, str]:
    """Describe what is wrong, by field; `places` are those of the quotes that were sent."""
    if not isinstance(error, Invalid):
        return forms.describe_faults(error)
    of_quotes: dict[str, str] = {}
    other_parts = []
    for part in error.extras["errors"]:
        match part["loc"]:
            case [_, "quotes", int(number), *rest]:
                fault = Invalid(part["msg"], loc=("body", *rest))
                for name, message in forms.describe_faults(fault, QUOTE_PLACES).items():
                    of_quotes.setdefault(f"{name or 'text'}-{places[number]}", message)
            case _:
                other_parts.append(part)
    if of_quotes and not other_parts:
        return of_quotes
    return forms.describe_faults(Invalid(error.detail, errors=other_parts), PLACES) | of_quotes
