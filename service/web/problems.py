"""Problem responses (RFC 9457): one shape for every error, and a page that explains each."""

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import TypedDict

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match

from service import field_types
from service.domain import errors
from service.domain.errors import ClaimdeskError

MEDIA_TYPE = "application/problem+json"
AN_ID = "function-after["
ALTERNATIVES = frozenset({"SourceIn", "SpeakerIn", "StatementIn"})
"""What pydantic puts into the place of a fault where a field takes an id or an object."""
OF_ANOTHER_SHAPE = frozenset({"string_type", "model_type", "model_attributes_type"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def build_problem(error: ClaimdeskError, *, instance: str | None = None) -> Response:
    """Build the problem response of `error`; `instance` is the path that was asked for."""
    body = describe_problem(error, instance=instance)
    headers = list_required_headers(error)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="claimdesk"'
    if isinstance(error, errors.PreconditionFailed):
        headers["ETag"] = f'"{error.extras["version"]}"'
    return Response(orjson.dumps(body, default=str), error.status, headers, media_type=MEDIA_TYPE)


def describe_problem(error: ClaimdeskError, *, instance: str | None = None) -> dict[str, object]:
    """Return the members of the problem that `error` is."""
    return {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        **({} if instance is None else {"instance": instance}),
        **{name: value for name, value in error.extras.items() if name != "headers"},
    }


MENDED_BY_HAND = (
    errors.DatabaseReadOnly,
    errors.DatabaseDamaged,
    errors.DatabaseReplaced,
)
"""Errors that stay until somebody does something: asking every second is of no use."""


def list_required_headers(error: ClaimdeskError) -> dict[str, str]:
    """List the headers that the answer carries as JSON and as a page: Allow, Retry-After."""
    headers = dict(error.extras.get("headers", {}))
    if error.status == 503:
        headers.setdefault("Retry-After", "10" if isinstance(error, MENDED_BY_HAND) else "1")
    return headers


Page = Callable[[Request, ClaimdeskError], Response]
"""Shows an error to somebody who looks at pages."""
MACHINES = re.compile(r"/(v1|feeds|oembed|healthz|readyz|metrics|openapi\.json)(/|$)")
"""What programs ask for: problems are JSON there, whoever asks."""


def build_error_response(request: Request, error: ClaimdeskError, page: Page) -> Response:
    """Build the response to `error`: a page where a browser asked for one, else a problem."""
    path = request.scope["path"]
    if MACHINES.match(path) or "text/html" not in request.headers.get("accept", ""):
        return build_problem(error, instance=path)
    return page(request, error)


def install_error_handlers(app: FastAPI, page: Page) -> None:
    """Answer every error of `app` with a problem, or with the `page` that shows it."""

    @app.exception_handler(ClaimdeskError)
    async def answer_refusal(request: Request, error: ClaimdeskError) -> Response:
        return build_error_response(request, error, page)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(request: Request, error: RequestValidationError) -> Response:
        faults = _list_faults(error.errors())
        return build_error_response(
            request, errors.Invalid(_summarize_faults(faults), errors=faults), page
        )

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> Response:
        return build_error_response(request, _translate_http_error(app, request, error), page)


def _translate_http_error(app: FastAPI, request: Request, error: HTTPException) -> ClaimdeskError:
    if error.status_code == 404:
        return errors.NotFound(f"Nothing is served at {request.url.path}.")
    if error.status_code == 405:
        allow = ", ".join(list_allowed_methods(app, request))
        return errors.MethodNotAllowed(
            f"{request.url.path} takes {allow}.", headers={"Allow": allow}
        )
    if error.status_code == 413:
        return errors.BodyTooLarge(str(error.detail))
    return errors.BadRequest(str(error.detail))


def list_allowed_methods(app: FastAPI, request: Request) -> list[str]:
    """List the methods that routes take at this path; Starlette names those of one route only."""
    allowed_methods = set()
    for method in METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes):
            allowed_methods.add(method)
    if "GET" in allowed_methods:
        allowed_methods.add("HEAD")
    return [method for method in METHODS if method in allowed_methods]


class FieldFault(TypedDict):
    """What is wrong with a field."""

    loc: list[str | int]
    msg: str


def _list_faults(faults: Sequence[ErrorDetails]) -> list[FieldFault]:
    """List what is wrong where, in the names of the fields that were sent.

    A field may take an id or an object. Whoever sends an object reads what is wrong with the
    object, not that it is no id, and not the name of our class.
    """
    return [
        {
            "loc": [_name_place(part) for part in fault["loc"] if not _is_alternative(part)],
            "msg": _describe_fault(fault),
        }
        for fault in faults
        if not _is_of_another_alternative(fault, faults)
    ]


def _is_alternative(part: str | int) -> bool:
    """Whether part of a place names one of the shapes that a field takes, and no field."""
    return isinstance(part, str) and (part.startswith(AN_ID) or part in ALTERNATIVES)


def _is_of_another_alternative(fault: ErrorDetails, faults: Sequence[ErrorDetails]) -> bool:
    """Whether a fault only says that a value is not of the other shape that its field takes."""
    *field, last = fault["loc"]
    if fault["type"] not in OF_ANOTHER_SHAPE or not _is_alternative(last):
        return False
    siblings = [other for other in faults if other["loc"][: len(field)] == tuple(field)]
    if siblings[0] is not fault:
        return True
    deeper = len(fault["loc"])
    return any(
        other["type"] not in OF_ANOTHER_SHAPE or len(other["loc"]) > deeper for other in siblings
    )


def _describe_fault(fault: ErrorDetails) -> str:
    """Describe what is wrong: with the body as a whole, or with a field."""
    if fault["type"] == "json_invalid":
        return f"this is no JSON: {fault['ctx']['error']}"
    return field_types.describe_fault(fault)


def _name_place(part: str | int) -> str | int:
    """Return a field's name as UTF-8 can have it: it may be any JSON text, with lone surrogates."""
    return part.encode(errors="replace").decode() if isinstance(part, str) else part


def _summarize_faults(faults: Sequence[FieldFault]) -> str:
    if not faults:
        return "The request is not valid."
    first = faults[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where}: {first['msg']}{more}"


# The page behind `type`: what the problem means and what to do.

MEANINGS = {
    "busy": "Wait for as long as Retry-After says. Whoever is signed in, or sends a key, is not "
    "kept waiting by readers without one.",
    "internal-error": "Nothing was changed. Report the id in the answer; the log has the rest.",
    "not-authenticated": "Send 'Authorization: Bearer cd_…', or sign in at the desk. Keys expire "
    "and can be revoked; ask an administrator for another.",
    "forbidden": "The answer names the roles that may do this.",
    "second-person-needed": "Confirmations and overrides take two people. Somebody other than the "
    "proposer approves at POST /v1/decisions/{id}/approval, by a key or session that the proposer "
    "did not make.",
    "person-needed": "A key that belongs to nobody records and proposes. Approve at the desk, or "
    "with a person's key: claimdesk keys create --name NAME --role ROLE --user EMAIL.",
    "sign-in-link-spent": "A sign-in link works once, within a day. Sign in with your password, or "
    "ask an administrator for another link.",
    "sign-in-busy": "Wait for Retry-After seconds, then send the same again: it was not looked at.",
    "transition-refused": "'missing' lists what the move still needs: {need, has, detail}. Link "
    "the evidence and try again, or have an editor override with a reason.",
    "version-conflict": "Somebody changed the claim since you read it. Read it again, look at what "
    "changed, and send your change with the new ETag in If-Match.",
    "version-required": 'Send If-Match: "<version>" with the ETag of the claim you read.',
    "idempotency-key-reused": "An Idempotency-Key belongs to one request. Use a new one.",
    "idempotency-running": "Wait a moment and send the same request again.",
    "claim-merged": "'merged_into' is the claim that took its place.",
    "claim-withdrawn": "The claimant took the claim back. Its last status is kept; record a new "
    "claim if it is made again.",
    "claim-void": "The desk recorded the claim by mistake. Where that is wrong, POST "
    "/v1/claims/{id}/restoration.",
    "statement-void": "The desk recorded the statement by mistake. Where that is wrong, POST "
    "/v1/statements/{id}/restoration.",
    "decision-pending": "Only one proposal waits on a claim at a time; 'decision' names it.",
    "too-many-streams": "Every open page or program holds one. Close some, or have the operator "
    "raise CLAIMDESK_STREAMS_EACH. GET /v1/events tells the same, polled.",
    "streams-full": "Try again, or poll GET /v1/events. The operator may raise CLAIMDESK_STREAMS, "
    "or start more processes.",
    "not-acceptable": "Send Accept: text/event-stream, or no Accept at all.",
    "address-too-long": "An address has at most 8 KiB. Send long lists in several requests.",
    "head-too-large": "A request's line and headers have at most 32 KiB and 100 fields. Cookies "
    "of other applications on the same host count, too: clear them.",
    "request-timeout": "Send the request again, on a faster line or in a smaller part. The "
    "operator may raise CLAIMDESK_HEAD_SECONDS and CLAIMDESK_BODY_SECONDS.",
    "rate-limited": "Wait for Retry-After seconds. RateLimit says how much is left.",
    "invalid-request": "'errors' lists {loc, msg} for each field at fault. Nothing was changed.",
    "epoch-ended": "The desk was restored from a backup, or copied. Start again: GET "
    "/v1/events?after=0, or a list from its first page.",
    "database-full": "Nothing was changed. Whoever runs this server makes room where the database "
    "lies; then everything goes on by itself.",
    "database-read-only": "Nothing was changed. Whoever runs this server lets it write again: a "
    "file or a disk became read-only, or a PostgreSQL server was demoted.",
    "database-damaged": "Whoever runs this server stops it, runs claimdesk verify, and, where that "
    "finds a break, puts a backup in its place: claimdesk restore FILE.",
    "database-replaced": "The database's file was removed, renamed or replaced while the server "
    "was running. It takes no changes, since they would be lost. The log says what was done with "
    "what it holds; put the file back, or restart the server.",
    "clock-wrong": "The clock disagrees with what was recorded, with the database server's, or "
    "was set while the server ran. Changes would be stamped wrongly, so none is taken. Whoever "
    "runs this server sets the clock, or says that it is right: claimdesk clock accept.",
    "unavailable": "Try again. A POST with an Idempotency-Key is never carried out twice.",
}


def explain_problem(slug: str) -> Response:
    """Show the page that explains a problem type.  Raises NotFound."""
    kind = errors.list_problems().get(slug)
    if kind is None:
        raise errors.NotFound(f"There is no problem called '{slug}'.")
    meaning = MEANINGS.get(slug, "The answer's 'detail' says what was wrong and what to do.")
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/docs/style.css"><title>{escape(kind.title)}</title>'
        f"<main><h1>{escape(kind.title)}</h1><p><code>{escape(slug)}</code>, "
        f"HTTP {kind.status}</p><p>{escape(meaning)}</p></main></html>"
    )
