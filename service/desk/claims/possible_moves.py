"""The statuses that a claim might be given, and what is missing for those not open yet."""

from dataclasses import dataclass

from service.domain import evidence, guards, lifecycle
from service.domain.claims import ClaimState, Lifecycle, SetAside, Status
from service.domain.guards import Missing, Move


@dataclass(frozen=True, slots=True)
class PossibleMove:
    """A status that the claim could get."""

    to: str
    missing: list[str]
    """What it lacks for that, in words."""
    why: str
    """The first of it, in a line."""
    fitting: tuple[str, ...]
    """The links that it may rest on."""
    second: bool
    """Whether a second person has to approve it."""


def _explain_briefly(missing: Missing) -> str:
    """Say in a line what a move lacks."""
    if missing.need == "0 open contradictions":
        return f"{missing.has} open contradiction{'s' if missing.has > 1 else ''}"
    if missing.need.startswith("0 open requests"):
        return (
            f"{missing.has} requests or supports still stand"
            if missing.has > 1
            else ("a request or support still stands")
        )
    if missing.need.startswith("fewer than"):
        return "by itself, when its support falls"
    return f"needs {missing.need}"


def list_moves(state: ClaimState, *, four_eyes: bool) -> list[PossibleMove]:
    """List every status that the claim might be given, with what is missing for it.

    Reasons and citations come from the form, so what they lack is not named as missing here.
    """
    if state.lifecycle is not Lifecycle.ACTIVE:
        return []
    aside = tuple(SetAside(link.id, "…") for link in evidence.list_open_contradictions(state))
    moves = []
    for to in Status:
        if (state.status, to) not in lifecycle.TRANSITIONS:
            continue
        fitting = tuple(link.id for link in guards.list_citable_links(state, to))
        move = Move(to, "…", fitting)
        missing = lifecycle.list_missing(state, move)
        if missing and aside and to is Status.CONFIRMED and state.status is Status.DISPUTED:
            # It may be reached by setting aside, which takes more support.
            missing = lifecycle.list_missing(state, Move(to, "…", fitting, aside)) or []
        moves.append(
            PossibleMove(
                to=to.value,
                missing=[requirement.detail for requirement in missing],
                why=_explain_briefly(missing[0]) if missing else "",
                fitting=fitting,
                second=lifecycle.needs_second_person(move, four_eyes=four_eyes),
            )
        )
    return moves
