"""The OpenAPI document: FastAPI's, completed with what is the same for every operation."""

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api import webhook_events
from service.domain import errors
from service.domain.errors import ClaimdeskError
from service.views import JsonObject

DESCRIPTION = (
    "Records claims, links what other parties say of them, and answers on deadline: may I print "
    "this, and how must I word it?"
)
PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `type` is a page that explains it; extras are named there.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/transition-refused"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
        "missing": {"type": "array", "items": {"$ref": "#/components/schemas/MissingNeed"}},
        "version": {"type": "integer"},
        "recorded_at": {"type": "string", "format": "date-time"},
    },
}
FIELD_PROBLEM = {
    "title": "FieldProblem",
    "type": "object",
    "required": ["loc", "msg"],
    "properties": {
        "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
        "msg": {"type": "string"},
    },
}
MISSING_NEED = {
    "title": "MissingNeed",
    "description": "What a refused change of status still needs.",
    "type": "object",
    "required": ["need", "has", "detail"],
    "properties": {
        "need": {"type": "string"},
        "has": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
ALWAYS: tuple[type[ClaimdeskError], ...] = (
    errors.NotAuthenticated,
    errors.Forbidden,
    errors.RateLimited,
    errors.Unavailable,
    ClaimdeskError,
)
MORE: dict[str, tuple[type[ClaimdeskError], ...]] = {
    "/v1/events": (errors.EpochEnded,),
    "/v1/events/stream": (errors.NotAcceptable, errors.EpochEnded),
    "/v1/follows": (errors.KeyWithoutPerson,),
    "/v1/inbox": (errors.KeyWithoutPerson,),
    "/v1/me/feeds": (errors.KeyWithoutPerson,),
    "/v1/me/notices": (errors.KeyWithoutPerson,),
    "/oembed": (errors.NotFound, errors.FormatNotServed),
}
"""Errors that only some paths answer with."""
OPEN = {"/healthz", "/readyz"}
SIGN_IN = ("/v1/session", "post")
"""Needs no key: people sign in by it."""


def install_document(app: FastAPI) -> None:
    """Give `app` its document, which is made when it is first asked for."""

    def openapi() -> JsonObject:
        if app.openapi_schema is None:
            app.openapi_schema = _build_document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _build_document(app: FastAPI) -> JsonObject:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="Verify claims, and know what was known when",
        description=DESCRIPTION,
        routes=app.routes,
        webhooks=webhook_events.router.routes,
    )
    document["info"]["license"] = {"name": "MIT", "identifier": "MIT"}
    document["servers"] = [{"url": "/"}]
    schemas = document["components"]["schemas"]
    for stock in ("HTTPValidationError", "ValidationError"):
        schemas.pop(stock, None)
    schemas |= {"Problem": PROBLEM, "FieldProblem": FIELD_PROBLEM, "MissingNeed": MISSING_NEED}
    for name, schema in schemas.items():
        if schema.get("title") == "Page":  # of any list: clients would make one class of them all
            schema["title"] = name.replace("_", "")
    for name, example in webhook_events.EXAMPLES.items():
        schemas[name]["examples"] = [example]
    document["components"]["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: cd_<id>_<secret>",
        },
        "session": {"type": "apiKey", "in": "cookie", "name": "claimdesk_session"},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
    for webhook in document["webhooks"].values():
        webhook["post"]["responses"].pop("422", None)
        webhook["post"]["security"] = []
        # openapi-generator takes these for operations of ours, and writes Python for them that does
        # not compile.  By this mark it leaves them out; their bodies stay among the schemas.
        webhook["post"]["x-internal"] = True
    return document


def _complete_operation(path: str, method: str, operation: JsonObject) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in [
        status for status, response in responses.items() if response == {"description": ""}
    ]:
        del responses[status]
    kinds: list[type[ClaimdeskError]] = [errors.AddressTooLong, errors.HeadTooLarge]
    if path not in OPEN:
        operation["security"] = [{"key": []}, {"session": []}]
        if (path, method) == SIGN_IN:
            operation["security"] = []
        kinds += ALWAYS
        kinds += MORE.get(path, ())
        if "{" in path or "merge" in path:
            kinds.append(errors.NotFound)
        kinds.append(errors.Invalid)
    else:
        operation["security"] = []
        kinds += [errors.Unavailable, ClaimdeskError]
    if method in ("post", "patch", "put", "delete"):
        kinds += [
            errors.BadRequest,
            errors.RequestTimeout,
            errors.Conflict,
            errors.BodyTooLarge,
            errors.UnsupportedMedia,
        ]
    for parameter in operation.get("parameters", []):
        _leave_out_null(parameter["schema"])
        if parameter["name"] == "cursor":
            kinds.append(errors.EpochEnded)
        if parameter["name"].lower() == "if-match":
            kinds.append(errors.PreconditionFailed)
            if parameter["schema"].pop("x-required", False):
                parameter["required"] = True
                kinds.append(errors.PreconditionRequired)
    for kind in sorted(kinds, key=lambda kind: kind.status):
        responses.setdefault(
            str(kind.status),
            {
                "description": kind.title,
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        )


def _leave_out_null(schema: JsonObject) -> None:
    """Take null out of a parameter's schema: an address or a header cannot say it."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        del schema["anyOf"]
        schema.update(options[0])
