"""Renders a dossier as one HTML file, which holds all that it shows.

It says of the desk's people what anybody may read of a claim, and their roles; their names only
where the desk wants them shown.  Notes, assignees and why a source is not named stay out of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from service.claims.decision_views import DecisionView
from service.claims.link_queries import describe_voice
from service.claims.statement_views import LinkView, StatementView
from service.desk.claims import proposal_words, record_lines
from service.desk.claims.record_lines import Names, RecordLine
from service.desk.layout.rendering import get_environment
from service.directory.directory_views import SourceView
from service.domain.access import Audience
from service.domain.claims import Stance
from service.exchange.dossier import Dossier, Roles, SampledClaim
from service.web import redaction

DECIDED = ("claim.status_changed", "finding.changed")
PUT_RIGHT = frozenset(
    {
        *("amended", "corrected", "voided", "restored", "withdrawn", "retracted", "superseded"),
        *("merged", "absorbed", "separated", "released"),
    }
)
"""What types of events end in that put something right, or say that it was taken back."""
SIDES = (
    ("For it", (Stance.SUPPORTS,)),
    ("Against it", (Stance.CONTRADICTS,)),
    ("Besides", (Stance.REQUESTS_CONFIRMATION, Stance.COMMENTS)),
)


@dataclass(frozen=True, slots=True)
class ActLine:
    """An event of the record in words, and in which role somebody caused it."""

    line: RecordLine
    role: str


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """What was proposed, and who agreed to it in which role."""

    decision: DecisionView
    what: str
    proposer: str
    second_person: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A claim of the dossier, as it is shown."""

    sampled: SampledClaim
    sides: Sequence[tuple[str, Sequence[LinkView]]]
    reasons: Mapping[str, str]
    """By link: whether the rules count it, and why."""
    decided: Sequence[ActLine]
    decisions: Sequence[DecisionLine]
    put_right: Sequence[ActLine]
    sources: Sequence[SourceView]


def render_dossier(dossier: Dossier, *, publisher: str, shows_names: bool = False) -> str:
    """Render a dossier as a page that needs nothing else."""
    last_day = dossier.period.end - timedelta(days=1)
    return (
        get_environment()
        .get_template("dossier.html")
        .render(
            dossier=dossier,
            publisher=publisher,
            last_day=last_day,
            sheets=[
                _build_sheet(sampled_claim, dossier.roles, shows_names=shows_names)
                for sampled_claim in dossier.claims
            ],
        )
    )


def _build_sheet(sampled_claim: SampledClaim, roles: Roles, *, shows_names: bool) -> Sheet:
    links = redaction.redact_links(sampled_claim.links, Audience.PUBLIC)
    acts = _describe_acts(sampled_claim, roles, shows_names=shows_names)
    return Sheet(
        sampled=sampled_claim,
        sides=[
            (words, [link for link in links if link["stance"] in stances])
            for words, stances in SIDES
        ],
        reasons={
            trace["link"]: f"{'counted' if trace['counted'] else 'not counted'}, {trace['why']}"
            for trace in sampled_claim.suggestion["trace"]
        },
        decided=[act for type, act in acts if type in DECIDED],
        decisions=[
            _describe_decision(decision, roles, shows_names=shows_names)
            for decision in sampled_claim.decisions
        ],
        put_right=[act for type, act in acts if type.partition(".")[2] in PUT_RIGHT],
        sources=_list_sources([sampled_claim.origin, *(link["statement"] for link in links)]),
    )


def _describe_acts(
    sampled_claim: SampledClaim, roles: Roles, *, shows_names: bool
) -> list[tuple[str, ActLine]]:
    """Put into words what anybody may read of the record, each event with its type."""
    names = Names(
        {
            link.id: record_lines.name_voice(describe_voice(link.voice))
            for link in sampled_claim.state.links
        },
        {},
    )
    actors = {event["seq"]: event["actor"] for event in sampled_claim.events}
    return [
        (
            event["type"],
            ActLine(
                record_lines.describe_event(event, names),
                _name_actor(
                    actors[event["seq"]], event["recorded_at"], roles, shows_names=shows_names
                ),
            ),
        )
        for event in redaction.redact_events(sampled_claim.events, Audience.PUBLIC)
    ]


def _name_actor(actor: Mapping[str, Any], at: str, roles: Roles, *, shows_names: bool) -> str:
    if "rule" in actor:
        return "the rules"
    role = roles.name_role(actor["id"], at)
    return f"{actor['name']}, {role}" if shows_names else role


def _describe_decision(decision: DecisionView, roles: Roles, *, shows_names: bool) -> DecisionLine:
    settled_by, settled_at = decision["settled_by"], decision["settled_at"]
    second_person = None
    if settled_by is not None and settled_at is not None:
        second_person = _name_actor(settled_by, settled_at, roles, shows_names=shows_names)
    return DecisionLine(
        decision,
        proposal_words.describe_change(decision["kind"], decision["to"], decision["change"]),
        _name_actor(
            decision["proposed_by"], decision["proposed_at"], roles, shows_names=shows_names
        ),
        second_person,
    )


def _list_sources(statements: Iterable[StatementView]) -> list[SourceView]:
    """List the sources of these statements' quotes, each once."""
    sources = {
        quote["source"]["id"]: quote["source"]
        for statement in statements
        for quote in statement["quotes"]
    }
    return list(sources.values())
