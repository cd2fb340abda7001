"""The guards of transitions.

A guard takes a claim and a move and returns what is missing, as data and in words.  The move may be
made if nothing is missing.  `lifecycle.TRANSITIONS` says which guard each edge has.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.domain import evidence
from service.domain.claims import (
    Basis,
    ClaimState,
    Link,
    Override,
    SetAside,
    Stance,
    Status,
    Unnamed,
)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of status that somebody asks for: to what, why, and the links that it rests on."""

    to: Status
    reason: str
    cites: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What a guard requires (`need`), how many there are (`has`), and both in a sentence."""

    need: str
    has: int
    detail: str


Guard = Callable[[ClaimState, Move], list[Missing]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision for a status may rest on.

    `needed` describes what at least one cited link has to be, and `is_needed` checks it.  From the
    statuses in `may_cite_nothing` a decision may cite nothing.
    """

    stances: frozenset[Stance]
    needed: str
    is_needed: Callable[[ClaimState, Link], bool]
    may_cite_nothing: frozenset[Status] = frozenset()


GROUNDS: dict[Status, Ground] = {
    Status.CONFIRMED: Ground(
        frozenset({Stance.SUPPORTS}),
        "supporting statement that counts",
        lambda state, link: evidence.explain_disqualification(state, link) is None,
    ),
    Status.DISPUTED: Ground(
        frozenset({Stance.CONTRADICTS}),
        "contradicting statement that stands open",
        lambda state, link: link in evidence.list_open_contradictions(state),
    ),
    Status.AWAITING_CONFIRMATION: Ground(
        frozenset({Stance.REQUESTS_CONFIRMATION, Stance.SUPPORTS}),
        "request for confirmation or supporting statement",
        lambda state, link: link.root is not None,
        may_cite_nothing=frozenset({Status.ASSERTED}),
    ),
    Status.ASSERTED: Ground(
        frozenset(Stance),
        "statement",
        lambda state, link: True,
        may_cite_nothing=frozenset(Status),
    ),
}
"""What the decisions for each status rest on."""


def list_citable_links(state: ClaimState, to: Status) -> list[Link]:
    """Return the links that a decision for `to` may cite."""
    return [link for link in state.links if link.is_active and link.stance in GROUNDS[to].stances]


def require_fitting_cites(state: ClaimState, move: Move, *, are_allowed: bool) -> list[Missing]:
    """Require that every cited link speaks for the status, and that one of them is needed for it.

    The second is not asked if the evidence does not allow the status (`are_allowed` is False): then
    the guard has said what is missing.  Nor is it asked of an override; but an override cannot cite
    what speaks against the status either.
    """
    ground = GROUNDS[move.to]
    cited_links = [link for link in state.links if link.id in move.cites]
    unfit = [link for link in cited_links if link.stance not in ground.stances]
    missing = []
    if unfit:
        missing.append(
            Missing(
                f"only cited links that speak for {move.to}",
                len(cited_links) - len(unfit),
                f"cites what does not speak for {move.to}: {name_links(unfit)}",
            )
        )
    if move.override is not None or (not cited_links and state.status in ground.may_cite_nothing):
        return missing
    if cited_links and not are_allowed:
        return missing
    if not any(ground.is_needed(state, link) for link in cited_links if link not in unfit):
        why = _explain_disqualifications(state, cited_links)
        detail = f"needs at least one cited {ground.needed} to rest on"
        need = f"1 cited {ground.needed}"
        missing.append(Missing(need, 0, detail + (f" ({why})" if why else "")))
    return missing


def require_reason_to_open(state: ClaimState, move: Move) -> list[Missing]:
    """Require a reason: a checker opens verification.  (A request moves the claim by itself.)"""
    return require_reason(move.reason)


def require_contradiction(state: ClaimState, move: Move) -> list[Missing]:
    """Require an open contradiction and a reason."""
    if evidence.list_open_contradictions(state):
        return require_reason(move.reason)
    need = "1 contradicting statement"
    return [_describe_missing_contradiction(state, need), *require_reason(move.reason)]


def require_substantiated_contradiction(state: ClaimState, move: Move) -> list[Missing]:
    """Require an open contradiction with a basis: a bare denial only challenges the claim."""
    contradictions = evidence.list_open_contradictions(state)
    if any(link.basis is not Basis.UNSTATED for link in contradictions):
        return require_reason(move.reason)
    need = "1 contradicting statement with a basis other than unstated"
    return [_describe_missing_contradiction(state, need), *require_reason(move.reason)]


def require_independent_support(state: ClaimState, move: Move) -> list[Missing]:
    """Require enough qualifying support, no open contradiction, and a reason."""
    return [
        *_require_support(state, evidence.count_needed_support(state)),
        *_require_no_contradictions(evidence.list_open_contradictions(state)),
        *require_reason(move.reason),
    ]


def require_resolved_contradictions(state: ClaimState, move: Move) -> list[Missing]:
    """Require that no contradiction is left, and more support if any is set aside."""
    excluded_links = {contradiction.link for contradiction in move.set_aside}
    remaining = [
        contradiction
        for contradiction in evidence.list_open_contradictions(state)
        if contradiction.id not in excluded_links
    ]
    needed_support = evidence.count_needed_support(state, setting_aside=bool(excluded_links))
    return [
        *_require_support(state, needed_support),
        *_require_no_contradictions(remaining),
        *_require_reasons_to_set_aside(move),
        *require_reason(move.reason),
    ]


def require_ground_to_reopen(state: ClaimState, move: Move) -> list[Missing]:
    """Require that no contradiction is open, and a request or some support."""
    missing = _require_no_contradictions(evidence.list_open_contradictions(state))
    if not list_outstanding_links(state):
        missing.append(
            Missing(
                "1 request for confirmation, or support that is not enough yet",
                0,
                "needs an open request for confirmation or some support; has none: "
                "the claim can return to asserted",
            )
        )
    return missing


def require_nothing_outstanding(state: ClaimState, move: Move) -> list[Missing]:
    """Require that no contradiction is open, and that no request and no support is left."""
    missing = _require_no_contradictions(evidence.list_open_contradictions(state))
    outstanding = list_outstanding_links(state)
    if outstanding:
        missing.append(
            Missing(
                "0 open requests for confirmation and no support",
                len(outstanding),
                f"needs every request and every support withdrawn or retracted; still there: "
                f"{name_links(outstanding)}",
            )
        )
    return missing


def require_automatic_rule(state: ClaimState, move: Move) -> list[Missing]:
    """Refuse the move: the rules make it by themselves when the support falls."""
    needed_support = evidence.count_needed_support(state)
    has = len(evidence.list_roots(evidence.list_qualifying_support(state)))
    return [
        Missing(
            f"fewer than {needed_support} independent supporting parties",
            has,
            "a confirmed claim returns to awaiting_confirmation by itself when its support is "
            f"withdrawn; it has {has} of {needed_support}",
        )
    ]


def list_outstanding_links(state: ClaimState) -> list[Link]:
    """Return the requests, and any support: with these a claim awaits confirmation at least."""
    support = [
        link
        for link in state.links
        if link.stance is Stance.SUPPORTS and link.is_active and link.root is not None
    ]
    return [*evidence.list_requests(state), *support]


def _require_support(state: ClaimState, needed_support: int) -> list[Missing]:
    has = len(evidence.list_roots(evidence.list_qualifying_support(state)))
    if has >= needed_support:
        return []
    statements = "statement" if needed_support == 1 else "statements"
    parties = "a party" if needed_support == 1 else f"{needed_support} independent parties"
    other = f" other than {state.claimant.root_name}" if state.claimant else ""
    need = f"{needed_support} supporting {statements} from {parties}{other}"
    why = _explain_disqualifications(state, state.links)
    return [Missing(need, has, f"needs {need}; has {has}" + (f" ({why})" if why else ""))]


def _explain_disqualifications(state: ClaimState, links: Sequence[Link]) -> str:
    """Say why the supporting links do not qualify that do not: of each voice once what holds of
    several."""
    reasons = [
        f"{name_voice(link)}: {reason}"
        for link in links
        if link.stance is Stance.SUPPORTS
        and (reason := evidence.explain_disqualification(state, link)) is not None
    ]
    return "; ".join(dict.fromkeys(reasons))


def _require_no_contradictions(contradictions: Sequence[Link]) -> list[Missing]:
    if not contradictions:
        return []
    return [
        Missing(
            "0 open contradictions",
            len(contradictions),
            f"needs every contradiction withdrawn, retracted or set aside; still open: "
            f"{name_links(contradictions)}",
        )
    ]


def require_reason(reason: str) -> list[Missing]:
    return [] if reason.strip() else [Missing("a reason", 0, "needs a reason")]


def _require_reasons_to_set_aside(move: Move) -> list[Missing]:
    unexplained_links = [
        contradiction for contradiction in move.set_aside if not contradiction.reason.strip()
    ]
    if not unexplained_links:
        return []
    return [
        Missing(
            "a reason for each contradiction set aside",
            len(move.set_aside) - len(unexplained_links),
            "needs a reason for each contradiction set aside",
        )
    ]


def require_override_reason(move: Move, override: Override) -> list[Missing]:
    """Require the reasons of an override: a code, free text, and a cited link or a source."""
    missing = require_reason(move.reason)
    if not (override.code.strip() and override.note.strip()):
        detail = "an override needs a reason code and free text"
        missing.insert(0, Missing("a reason code and free text", 0, detail))
    if not move.cites and override.source is None:
        missing.append(
            Missing(
                "1 cited link or a source",
                0,
                "an override rests on something too: cite at least one link, or give a source",
            )
        )
    return missing


def _describe_missing_contradiction(state: ClaimState, need: str) -> Missing:
    denials = [link for link in state.links if link.stance is Stance.CONTRADICTS]
    other = f" from a party other than {state.claimant.root_name}" if state.claimant else ""
    why = "; ".join(
        f"{name_voice(link)}: "
        + (
            evidence.explain_exclusion(state, link)
            or ("set aside by a decision" if link.set_aside else f"basis is {link.basis}")
        )
        for link in denials
    )
    return Missing(need + other, 0, f"needs {need}{other}; has 0" + (f" ({why})" if why else ""))


def name_voice(link: Link) -> str:
    """Name who speaks: the speaker, or the party; a source that is not named as it is described."""
    if isinstance(link.voice, Unnamed):
        return name_unnamed(link.voice)
    return link.voice.speaker.name if link.voice.speaker else link.voice.name


def name_unnamed(source: Unnamed) -> str:
    """Return `a senior official of Belgrade, not named`."""
    of_party = f" of {source.party.name}" if source.party else ""
    return f"{source.description}{of_party}, not named"


def name_links(links: Sequence[Link]) -> str:
    """Name who speaks in links and how, each once, with how often where that is more than once."""
    counts = Counter((name_voice(link), link.stance) for link in links)
    return ", ".join(
        f"{voice} ({stance}, {times} times)" if times > 1 else f"{voice} ({stance})"
        for (voice, stance), times in counts.items()
    )
