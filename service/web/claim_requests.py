"""Claims as the API and the desk ask for them: one, now or as of an instant, and the filters of
lists."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from service import field_types
from service.claims import claim_queries, documents
from service.claims.claim_queries import NONE, Family, Filters
from service.domain import access
from service.domain.access import Action
from service.domain.claims import Kind, Lifecycle, Stance, Status
from service.domain.errors import Invalid, NotFound, NotYetRecorded
from service.domain.print_phrases import Language
from service.field_types import In, Slug
from service.search.index import query_parser
from service.store.paging import BY_END, DEFAULT_LIMIT, MAX_LIMIT
from service.store.types import format_id
from service.views import JsonObject
from service.web.calls import Call
from service.web.fields import Id, Instant


class Shown:
    """The annotation of a parameter: how the OpenAPI document shows it."""

    def __init__(self, description: str, **schema: Any) -> None:
        self.description = description
        self.schema = schema


_Day = Annotated[Instant | None, Shown("An instant", type="string", format="date-time")]


class ListQuery(In):
    """The parameters of `GET /v1/claims`. A claim is listed where all filters let it through."""

    status: Annotated[
        tuple[Status, ...],
        Field(max_length=4),
        Shown("Repeat for several", type="array", items={"type": "string", "enum": [*Status]}),
    ] = ()
    claimant: Annotated[Slug | None, Shown("A party, those below it included", type="string")] = (
        None
    )
    party: Annotated[Slug | None, Shown("A party that takes any stance", type="string")] = None
    stance: Annotated[Stance | None, Shown("… this stance", type="string", enum=[*Stance])] = None
    story: Annotated[
        Slug | None, Shown("A story's slug; `none`: those of no story", type="string")
    ] = None
    tag: Annotated[Annotated[str, Field(max_length=50)] | None, Shown("One tag", type="string")] = (
        None
    )
    kind: Annotated[Kind | None, Shown("The kind of claim", type="string", enum=[*Kind])] = None
    lifecycle: Annotated[
        Literal[Lifecycle.ACTIVE, Lifecycle.WITHDRAWN, Lifecycle.VOID] | None,
        Shown(
            "Those in force, those that their claimants took back, or those recorded by mistake; "
            "without it, the first two",
            type="string",
            enum=[Lifecycle.ACTIVE, Lifecycle.WITHDRAWN, Lifecycle.VOID],
        ),
    ] = None
    assignee: Annotated[
        Annotated[str, Field(max_length=64)] | None,
        Shown("A user or key; `me`: the caller; `none`: nobody", type="string"),
    ] = None
    part_of: Annotated[Id | None, Shown("The claim's parent", type="string", format="uuid")] = None
    language: Annotated[
        Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None,
        Shown(
            "A language in which something is quoted, by its primary tag: `sr` is `sr-Latn` too",
            type="string",
            pattern="^[a-z]{2,3}$",
        ),
    ] = None
    claimed_since: _Day = None
    claimed_until: _Day = None
    changed_since: _Day = None
    changed_until: _Day = None
    drift: Annotated[bool, Shown("Evidence and status disagree", type="boolean")] = False
    hold: Annotated[bool, Shown("On hold: not to be used", type="boolean")] = False
    superseded: Annotated[
        bool | None,
        Shown(
            "Only those that a later claim of the same claimant replaces; `false`: without those",
            type="boolean",
        ),
    ] = None
    overdue: Annotated[
        bool, Shown("In force, and due before now (or `as_of`); for the desk", type="boolean")
    ] = False
    as_of: Annotated[
        Instant | None,
        Shown("What the desk knew at this instant", type="string", format="date-time"),
    ] = None
    lang: Annotated[
        Language,
        Shown(
            "The language of the print lines; `sr` is Serbian in Cyrillic",
            type="string",
            enum=[*Language],
        ),
    ] = Language.EN
    q: Annotated[
        str | None,
        Shown(
            'Words in any order and form, without regard to accents or script; "phrases", '
            "-exclusions, prefix*. Each claim then has `snippets`",
            type="string",
            maxLength=query_parser.MAX_CHARACTERS,
        ),
    ] = None
    facets: Annotated[
        bool,
        Shown(
            "With `q`: count what is found by status, story, party, kind and language",
            type="boolean",
        ),
    ] = False
    sort: Annotated[
        Annotated[str, Field(pattern="^(changed|claimed|due|relevance)$")] | None,
        Shown(
            "By when, newest first; `due`: for the desk, those that are, soonest first; or with "
            "`q` (then the default) the best first",
            type="string",
            enum=["changed", "claimed", "due", "relevance"],
        ),
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT),
        Shown("At most", type="integer", minimum=1, maximum=MAX_LIMIT),
    ] = DEFAULT_LIMIT
    cursor: Annotated[
        Annotated[str, Field(max_length=1000)] | None,
        Shown("next_cursor of the page before", type="string"),
    ] = None


def describe_parameters(*names: str) -> list[JsonObject]:
    """Describe the parameters of `ListQuery`, or those named, as the OpenAPI document has them."""
    parameters: list[JsonObject] = []
    for name in names or ListQuery.model_fields:
        [marker] = [
            each for each in ListQuery.model_fields[name].metadata if isinstance(each, Shown)
        ]
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": marker.schema,
                "description": marker.description,
            }
        )
    return parameters


INSTANT = TypeAdapter(Instant)


class ClaimRow(NamedTuple):
    """A claim, now or as of an instant."""

    version: int
    document: str
    assignee: str | None
    due_at: datetime | str | None
    merged_into: str | None
    has_uses: bool
    state: str | None = None
    """The state in its row, where that was asked for and the claim is read as it is now."""
    is_early: bool = False
    """Whether it is served as the next version, which a hold that has ended is to make."""

    @property
    def internals(self) -> documents.Internals:
        return documents.Internals(self.assignee, self.due_at)


async def look_up_claim(
    call: Call, claim_id: str, moment: datetime | None, *, with_state: bool = False
) -> ClaimRow:
    """Look up a claim, now or as of an instant.  Raises NotFound, NotYetRecorded."""
    database = call.reader
    if moment is None:
        lookup = claim_queries.CURRENT_STATE if with_state else claim_queries.CURRENT_CLAIM
        rows = await database.look_up(lookup, {"claim": claim_id})
    else:
        rows = await database.look_up(
            claim_queries.CLAIM_AS_OF, {"claim": claim_id, "as_of": moment}
        )
    if not rows:
        raise await _explain_absence(call, claim_id)
    at = moment or call.now
    if moment is None:
        row = ClaimRow(*rows[0])
        row = row._replace(is_early=documents.has_ended_hold(row.document, at))
        document = documents.complete_document(row.document, at)
    else:
        *columns, present = rows[0]
        row = ClaimRow(*columns)
        document = documents.complete_document(row.document, at)
        document = documents.mark_corrected(document, present, moment)
    row = row._replace(document=document)
    if row.merged_into is None:
        return row
    if row.merged_into == claim_queries.MERGED_THEN:
        return row._replace(merged_into=orjson.loads(row.document)["merged_into"])
    return row._replace(merged_into=format_id(row.merged_into))


async def _explain_absence(call: Call, claim_id: str) -> NotFound:
    rows = await call.reader.look_up(claim_queries.CURRENT_CLAIM, {"claim": claim_id})
    if rows:
        created_at = orjson.loads(rows[0][1])["created_at"]
        return NotYetRecorded("The desk recorded this claim only later.", recorded_at=created_at)
    return NotFound("There is no claim with this id.")


def parse_instant(text: str, parameter: str = "as_of") -> datetime:
    """Parse the instant in a query parameter.  Raises Invalid."""
    try:
        moment: datetime = INSTANT.validate_python(text)
    except ValidationError as error:
        message = field_types.describe_fault(error.errors()[0])
        raise Invalid(message, loc=("query", parameter)) from None
    return moment


def parse_language(text: str | None) -> Language:
    """Parse the language of print lines; English where none is named.  Raises Invalid."""
    if text is None:
        return Language.EN
    try:
        return Language(text)
    except ValueError:
        raise Invalid(f"print lines are in {', '.join(Language)}", loc=("query", "lang")) from None


def parse_list_query(query: QueryParams) -> ListQuery:
    """Parse the parameters of a list of claims.  Raises Invalid, which names each that is wrong."""
    values: dict[str, str | list[str]] = {**query}
    if "status" in query:
        values["status"] = query.getlist("status")
    names = [name for name, _ in query.multi_items() if name != "status"]
    if len(names) != len(set(names)):
        raise Invalid("only status may be repeated", loc=("query",))
    try:
        return ListQuery.model_validate(values)
    except ValidationError as error:
        faults = [
            {
                "loc": ["query", *fault["loc"]],
                "msg": "there is no such parameter"
                if fault["type"] == "extra_forbidden"
                else field_types.describe_fault(fault),
            }
            for fault in error.errors()
        ]
        where = ".".join(str(part) for part in faults[0]["loc"])
        raise Invalid(f"{where}: {faults[0]['msg']}", errors=faults) from None


def build_filters(query: ListQuery, call: Call) -> Filters:
    """Build the filters of a query.  Raises Forbidden where the caller may not see assignees."""
    assignee = query.assignee
    if assignee is not None or query.overdue or query.sort == "due":
        # Who works on what, and until when, is the desk's own business; a filter would tell.
        access.require_permission(call.caller, Action.READ_INTERNALS)
    if assignee == "me":
        assignee = call.actor.id
    return Filters(
        statuses=tuple(dict.fromkeys(query.status)),
        claimant=query.claimant,
        party=query.party,
        stance=query.stance,
        story=None if query.story == NONE else query.story,
        without_story=query.story == NONE,
        tag=query.tag,
        kind=query.kind,
        lifecycle=query.lifecycle,
        assignee=None if assignee == NONE else assignee,
        without_assignee=assignee == NONE,
        part_of=query.part_of,
        language=query.language,
        claimed_since=query.claimed_since,
        claimed_until=query.claimed_until,
        changed_since=query.changed_since,
        changed_until=query.changed_until,
        drift=query.drift,
        hold=query.hold,
        overdue=query.overdue,
        superseded=query.superseded is True,
        without_superseded=query.superseded is False,
        moment=query.as_of or call.now if query.hold or query.overdue else None,
        as_of=query.as_of,
        sort=_choose_order(query),
    )


def _choose_order(query: ListQuery) -> str:
    """Choose the order.  Raises Invalid for relevance where nothing is searched for."""
    if query.sort == "relevance" and query.q is None:
        raise Invalid("relevance is to a query: give q as well", loc=("query", "sort"))
    return query.sort or ("changed" if query.q is None else "relevance")


async def find_family(
    call: Call, party: str | None, name: str, moment: datetime | None
) -> Family | None:
    """Find a party and those below it, now and, if given, at `moment`.  Raises Invalid for a party
    that does not exist."""
    if party is None:
        return None
    look_up = call.reader.look_up
    now = await look_up(claim_queries.FAMILY, {"party": party})
    earlier = []
    if moment is not None:
        earlier = await look_up(claim_queries.FAMILY_AS_OF, {"party": party, "as_of": moment})
    family = claim_queries.build_family(party, now, earlier)
    if family is None:
        raise Invalid(f"there is no party '{party}'", loc=("query", name))
    return family


def build_claims_scope(scope: str, query: ListQuery) -> str:
    """Name a list of claims for its cursors: its scope, and the order that it is in."""
    return scope + BY_END if query.sort == "claimed" else scope


def read_sort_keys(row: Any) -> list[Any]:
    """Read a row's sort keys, its last: an instant and an id, whatever the driver made of them."""
    moment, claim_id = row[-2:]
    return [moment if isinstance(moment, str) else moment.isoformat(), format_id(claim_id)]
