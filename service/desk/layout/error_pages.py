"""Pages of errors: what happened, and what to do."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from service.desk.layout import address_faults, forms
from service.desk.layout.rendering import render
from service.domain.errors import ClaimdeskError, Invalid, NotAuthenticated, NotYetRecorded
from service.web.problems import list_required_headers
from service.web.request_context import context_of
from service.web.service_container import get_services

ADVICE = {
    401: "Your session has ended, or you are not signed in. What you typed is still in the page "
    "before this one: sign in in another tab, then go back and send it again.",
    403: "Ask an administrator if you should be able to do this.",
    404: "The address may be mistyped, or be of another desk. Look for what you want:",
    409: "Go back, load the page again and look at what has changed.",
    412: "Go back, load the page again and look at what has changed.",
    413: "Paste a shorter text, or take the article in in two parts.",
    422: "Go back and correct it: what you typed is still there.",
    429: "Wait a moment, then load the page again.",
    500: "The error is logged. Load the page again; if it stays, tell whoever runs this desk the "
    "number below.",
    503: "The database cannot be reached just now. Load the page again in a moment.",
}


def render_error_page(request: Request, error: ClaimdeskError) -> Response:
    """Render the page of an error; who only looks and is not signed in is sent to sign in."""
    if isinstance(error, NotAuthenticated) and request.method == "GET" and _may_return(request):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(
            f"/sign-in?{urlencode({'next': target})}", 303, headers={"Cache-Control": "no-store"}
        )
    context = context_of(request.scope)
    faulty_address = address_faults.read_faulty_address(request, error)
    return render(
        request,
        "error.html",
        caller=context.actor,
        now=get_services(request).clock(),
        status=error.status,
        headers=list_required_headers(error),
        error=error,
        advice=None if isinstance(error, NotYetRecorded) else ADVICE.get(error.status, ADVICE[422]),
        request_id=context.request_id,
        address=faulty_address,
        faults={} if faulty_address else _list_field_faults(error),
        missing=error.extras.get("missing", []),
        recorded_at=error.extras.get("recorded_at"),
    )


def _list_field_faults(error: ClaimdeskError) -> dict[str, str]:
    """List what is wrong with fields that were sent, where the error's sentence does not say it."""
    if not isinstance(error, Invalid):
        return {}
    faults = forms.describe_faults(error)
    is_said = list(faults.values()) == [error.detail]
    return {} if is_said else {name: words for name, words in faults.items() if name != forms.TOP}


def _may_return(request: Request) -> bool:
    """Tell whether signing in helps: on the pages for signing in it would lead nowhere."""
    return not request.url.path.startswith("/sign-in")
