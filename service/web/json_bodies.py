"""JSON bodies that mean one thing: no key twice in an object, no NaN and no Infinity.

Parsers differ in which of two equal keys they keep, so that a proxy, a log and this server could
each read another request; and neither NaN nor Infinity is JSON (RFC 8259).
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.views import JsonObject

SHOWN = 40
"""Characters of a key that an error repeats."""


class JsonRequest(Request):
    """A request whose JSON body is read strictly."""

    async def json(self) -> Any:
        if not hasattr(self, "_read"):
            self._read = parse_json(await self.body())
        return self._read


class JsonRoute(APIRoute):
    """A route whose body is read by `parse_json`; every router that takes JSON names it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_strictly


def parse_json(body: bytes) -> Any:
    """Read JSON.

    Raises JSONDecodeError, which the framework answers with 422, and HTTPException for what is
    beyond reading.
    """
    try:
        return json.loads(
            body, object_pairs_hook=_require_distinct, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} begins no character of {error.encoding.upper()}"
        raise HTTPException(400, f"This is no JSON: {what}.") from error
    except RecursionError as error:
        what = "Its lists and objects stand too deeply within one another."
        raise HTTPException(400, what) from error
    except ValueError as error:
        raise HTTPException(400, "It holds a number of too many digits.") from error


def _require_distinct(pairs: list[tuple[str, Any]]) -> JsonObject:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise json.JSONDecodeError(f"the key {twice[:SHOWN]!a} is there twice", "", 0)
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no number of JSON", "", 0)
