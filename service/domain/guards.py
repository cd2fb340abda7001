"""What each transition asks for: guards that say what is missing, in data and in words.

A guard takes the claim and the move and returns what stands between them; an empty list lets the
move pass.  `lifecycle.TRANSITIONS` says which guard keeps which edge.
"""

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
)


@dataclass(frozen=True, slots=True)
class Move:
    """What somebody asks for: a status, why, and the links it rests on."""

    to: Status
    reason: str
    cites: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What a guard asks for (`need`), how many there are (`has`), and the same in a sentence."""

    need: str
    has: int
    detail: str


Guard = Callable[[ClaimState, Move], list[Missing]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision for one status may rest on.

    `needed` names what one of the cited links has to be, and `is_needed` tells it; from the
    statuses in `may_cite_nothing` the decision needs no citation at all.
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
        lambda state, link: True,
        may_cite_nothing=frozenset({Status.ASSERTED}),
    ),
    Status.ASSERTED: Ground(
        frozenset(Stance),
        "statement",
        lambda state, link: True,
        may_cite_nothing=frozenset(Status),
    ),
}
"""A decision rests on what speaks for it."""


def list_citable_links(state: ClaimState, to: Status) -> list[Link]:
    """The links that a decision for `to` may cite."""
    return [link for link in state.links if link.is_active and link.stance in GROUNDS[to].stances]


def require_fitting_cites(state: ClaimState, move: Move, *, allowed: bool) -> list[Missing]:
    """Every cited link speaks for the status, and one of them is what the status rests on.

    Where the evidence does not allow the status (`allowed`) no cited link can be that, and saying
    so would be saying it twice.  An override passes the guards, and with them what one citation has
    to be; a link that speaks against the status it cannot cite either.
    """
    ground = GROUNDS[move.to]
    cited = [link for link in state.links if link.id in move.cites]
    unfit = [link for link in cited if link.stance not in ground.stances]
    missing = []
    if unfit:
        missing.append(
            Missing(
                f"only cited links that speak for {move.to}",
                len(cited) - len(unfit),
                f"cites what does not speak for {move.to}: {name_links(unfit)}",
            )
        )
    if move.override is not None or (not cited and state.status in ground.may_cite_nothing):
        return missing
    if cited and not allowed:
        return missing
    if not any(ground.is_needed(state, link) for link in cited if link not in unfit):
        why = "; ".join(
            f"{name_voice(link)}: {evidence.explain_disqualification(state, link)}"
            for link in cited
            if link.stance is Stance.SUPPORTS
            and evidence.explain_disqualification(state, link) is not None
        )
        detail = f"needs at least one cited {ground.needed} to rest on"
        need = f"1 cited {ground.needed}"
        missing.append(Missing(need, 0, detail + (f" ({why})" if why else "")))
    return missing


def require_reason_to_open(state: ClaimState, move: Move) -> list[Missing]:
    """A checker opens verification with a reason (a request has moved the claim already)."""
    return _reasoned(move)


def require_contradiction(state: ClaimState, move: Move) -> list[Missing]:
    if evidence.list_open_contradictions(state):
        return _reasoned(move)
    need = "1 contradicting statement"
    return [_no_contradiction(state, need, state.links), *_reasoned(move)]


def require_substantiated_contradiction(state: ClaimState, move: Move) -> list[Missing]:
    """A bare denial does not move a confirmed claim: it only challenges it."""
    standing = evidence.list_open_contradictions(state)
    if any(link.basis is not Basis.UNSTATED for link in standing):
        return _reasoned(move)
    need = "1 contradicting statement with a basis other than unstated"
    return [_no_contradiction(state, need, state.links), *_reasoned(move)]


def require_independent_support(state: ClaimState, move: Move) -> list[Missing]:
    return [
        *_enough_support(state, evidence.count_needed_support(state)),
        *_still_open(evidence.list_open_contradictions(state)),
        *_reasoned(move),
    ]


def require_resolved_contradictions(state: ClaimState, move: Move) -> list[Missing]:
    """Every contradiction withdrawn, retracted or set aside; more support if any was set aside."""
    aside = {one.link for one in move.set_aside}
    still_open = [one for one in evidence.list_open_contradictions(state) if one.id not in aside]
    needed = evidence.count_needed_support(state, setting_aside=bool(aside))
    return [
        *_enough_support(state, needed),
        *_still_open(still_open),
        *_set_aside_for_a_reason(move),
        *_reasoned(move),
    ]


def require_ground_to_reopen(state: ClaimState, move: Move) -> list[Missing]:
    missing = _still_open(evidence.list_open_contradictions(state))
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
    """No contradiction stands open, nothing asks for confirmation and nothing supports."""
    missing = _still_open(evidence.list_open_contradictions(state))
    standing = list_outstanding_links(state)
    if standing:
        missing.append(
            Missing(
                "0 open requests for confirmation and no support",
                len(standing),
                f"needs every request and every support withdrawn or retracted; still there: "
                f"{name_links(standing)}",
            )
        )
    return missing


def require_automatic_rule(state: ClaimState, move: Move) -> list[Missing]:
    """Confirmed falls back by itself once its support does; nobody need ask."""
    needed = evidence.count_needed_support(state)
    has = len(evidence.list_roots(evidence.list_qualifying_support(state)))
    return [
        Missing(
            f"fewer than {needed} independent supporting parties",
            has,
            "a confirmed claim returns to awaiting_confirmation by itself when its support is "
            f"withdrawn; it has {has} of {needed}",
        )
    ]


def list_outstanding_links(state: ClaimState) -> list[Link]:
    """The links for which a claim is at least awaiting confirmation: requests, and any support."""
    support = [one for one in state.links if one.stance is Stance.SUPPORTS and one.is_active]
    return [*evidence.list_requests(state), *support]


def _enough_support(state: ClaimState, needed: int) -> list[Missing]:
    has = len(evidence.list_roots(evidence.list_qualifying_support(state)))
    if has >= needed:
        return []
    statements = "statement" if needed == 1 else "statements"
    parties = "a party" if needed == 1 else f"{needed} independent parties"
    other = f" other than {state.claimant.root_name}" if state.claimant else ""
    need = f"{needed} supporting {statements} from {parties}{other}"
    why = "; ".join(
        f"{name_voice(link)}: {evidence.explain_disqualification(state, link)}"
        for link in state.links
        if link.stance is Stance.SUPPORTS
        and evidence.explain_disqualification(state, link) is not None
    )
    return [Missing(need, has, f"needs {need}; has {has}" + (f" ({why})" if why else ""))]


def _still_open(contradictions: Sequence[Link]) -> list[Missing]:
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


def _reasoned(move: Move) -> list[Missing]:
    return require_reason(move.reason)


def require_reason(reason: str) -> list[Missing]:
    return [] if reason.strip() else [Missing("a reason", 0, "needs a reason")]


def _set_aside_for_a_reason(move: Move) -> list[Missing]:
    bare = [one for one in move.set_aside if not one.reason.strip()]
    if not bare:
        return []
    return [
        Missing(
            "a reason for each contradiction set aside",
            len(move.set_aside) - len(bare),
            "needs a reason for each contradiction set aside",
        )
    ]


def require_override_reason(move: Move, override: Override) -> list[Missing]:
    """An override passes the guards, not the duty to say why: a code and free text."""
    missing = _reasoned(move)
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


def _no_contradiction(state: ClaimState, need: str, links: Sequence[Link]) -> Missing:
    denials = [link for link in links if link.stance is Stance.CONTRADICTS]
    other = f" from a party other than {state.claimant.root_name}" if state.claimant else ""
    why = "; ".join(f"{name_voice(link)}: {_not_open(state, link)}" for link in denials)
    return Missing(need + other, 0, f"needs {need}{other}; has 0" + (f" ({why})" if why else ""))


def _not_open(state: ClaimState, link: Link) -> str:
    if link.withdrawn:
        return "the statement was withdrawn"
    if link.retracted:
        return "the link was retracted"
    if not evidence.is_independent(state, link):
        return "same party as the claimant"
    return "set aside by a decision" if link.set_aside else f"basis is {link.basis}"


def name_voice(link: Link) -> str:
    return link.voice.speaker.name if link.voice.speaker else link.voice.name


def name_links(links: Sequence[Link]) -> str:
    return ", ".join(f"{name_voice(link)} ({link.stance})" for link in links)
