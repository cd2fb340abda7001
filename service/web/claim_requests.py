"""Claims as the API and the desk ask for them: one, now or as of an instant, and the filters of
lists."""

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from service.claims import claim_queries
from service.claims.claim_queries import Family, Filters
from service.domain import access
from service.domain.access import Action
from service.domain.claims import Kind, Lifecycle, Stance, Status
from service.domain.errors import Invalid, NotFound, NotYetRecorded
from service.store.paging import BY_END, DEFAULT_LIMIT, MAX_LIMIT
from service.store.types import id_text
from service.web.calls import Call
from service.web.fields import Id, In, Instant, Slug


class ListQuery(In):
    """The filters of `GET /v1/claims`; all of those given hold together."""

    status: Annotated[tuple[Status, ...], Field(max_length=4)] = ()
    claimant: Slug | None = None
    party: Slug | None = None
    stance: Stance | None = None
    story: Slug | None = None
    tag: Annotated[str, Field(max_length=50)] | None = None
    kind: Kind | None = None
    lifecycle: Literal[Lifecycle.ACTIVE, Lifecycle.WITHDRAWN] | None = None
    assignee: Annotated[str, Field(max_length=64)] | None = None
    part_of: Id | None = None
    claimed_since: Instant | None = None
    claimed_until: Instant | None = None
    changed_since: Instant | None = None
    changed_until: Instant | None = None
    drift: bool = False
    as_of: Instant | None = None
    q: str | None = None
    sort: Annotated[str, Field(pattern="^(changed|claimed|relevance)$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str, Field(max_length=1000)] | None = None


INSTANT = TypeAdapter(Instant)


async def current(
    call: Call, claim_id: str, moment: datetime | None
) -> tuple[int, str, str | None, str | None]:
    """A claim's version, document, assignee, and the id of the claim it was merged into, now or as
    of an instant.  Raises NotFound, NotYetRecorded."""
    database = call.services.database
    if moment is None:
        rows = await database.look_up(claim_queries.ONE, {"claim": claim_id})
    else:
        rows = await database.look_up(claim_queries.ONE_AS_OF, {"claim": claim_id, "as_of": moment})
    if not rows:
        raise await _absent(call, claim_id)
    version, document, assignee, into = rows[0]
    return version, document, assignee, None if into is None else id_text(into)


async def _absent(call: Call, claim_id: str) -> NotFound:
    rows = await call.services.database.look_up(claim_queries.ONE, {"claim": claim_id})
    if rows:
        created_at = orjson.loads(rows[0][1])["created_at"]
        return NotYetRecorded("The desk recorded this claim only later.", recorded_at=created_at)
    return NotFound("There is no claim with this id.")


def instant(text: str, parameter: str = "as_of") -> datetime:
    """The instant in a query parameter.  Raises Invalid."""
    try:
        moment: datetime = INSTANT.validate_python(text)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Invalid(message, loc=("query", parameter)) from None
    return moment


def list_query(query: QueryParams) -> ListQuery:
    given: dict[str, Any] = dict(query)
    if "status" in given:
        given["status"] = query.getlist("status")
    names = [name for name, _ in query.multi_items() if name != "status"]
    if len(names) != len(set(names)):
        raise Invalid("only status may be repeated", loc=("query",))
    try:
        return ListQuery.model_validate(given)
    except ValidationError as error:
        found = [
            {
                "loc": ["query", *one["loc"]],
                "msg": "there is no such parameter"
                if one["type"] == "extra_forbidden"
                else one["msg"].removeprefix("Value error, "),
            }
            for one in error.errors()
        ]
        where = ".".join(str(part) for part in found[0]["loc"])
        raise Invalid(f"{where}: {found[0]['msg']}", errors=found) from None


def filters(asked: ListQuery, call: Call) -> Filters:
    assignee = asked.assignee
    if assignee is not None:
        # Who works on what is the desk's own business; a filter would tell.
        access.require(call.caller, Action.READ_INTERNALS)
        assignee = call.actor.id if assignee == "me" else assignee
    return Filters(
        statuses=tuple(dict.fromkeys(asked.status)),
        claimant=asked.claimant,
        party=asked.party,
        stance=asked.stance,
        story=asked.story,
        tag=asked.tag,
        kind=asked.kind,
        lifecycle=asked.lifecycle,
        assignee=assignee,
        part_of=asked.part_of,
        claimed_since=asked.claimed_since,
        claimed_until=asked.claimed_until,
        changed_since=asked.changed_since,
        changed_until=asked.changed_until,
        drift=asked.drift,
        as_of=asked.as_of,
        sort=_sort(asked),
    )


def _sort(asked: ListQuery) -> str:
    """The order asked for.  Raises Invalid for relevance to nothing."""
    if asked.sort == "relevance" and asked.q is None:
        raise Invalid("relevance is to a query: give q as well", loc=("query", "sort"))
    return asked.sort or ("changed" if asked.q is None else "relevance")


async def family(
    call: Call, party: str | None, name: str, moment: datetime | None
) -> Family | None:
    """The party asked for, with those below it now and then.  Raises Invalid where there is
    none."""
    if party is None:
        return None
    look_up = call.services.database.look_up
    rows, then = await look_up(claim_queries.FAMILY, {"party": party}), []
    if moment is not None:
        then = await look_up(claim_queries.FAMILY_THEN, {"party": party, "as_of": moment})
    found = claim_queries.family(party, rows, then)
    if found is None:
        raise Invalid(f"there is no party '{party}'", loc=("query", name))
    return found


def name_order(scope: str, asked: ListQuery) -> str:
    """The scope of a list of claims, which says in what order it is."""
    return scope + BY_END if asked.sort == "claimed" else scope


def keys(row: Any) -> list[Any]:
    """A row's sort keys: an instant and an id, whatever the driver made of them."""
    moment = row[2]
    return [moment if isinstance(moment, str) else moment.isoformat(), id_text(row[3])]
