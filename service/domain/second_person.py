"""Decides who may approve a proposal: another person, by means that the proposer did not make."""

from service.domain.access import Actor
from service.domain.claims import Pending
from service.domain.errors import PersonNeeded, SecondPersonNeeded


def require_second_person(waiting: Pending, actor: Actor) -> None:
    """Raise unless `actor` may approve the decision that waits.

    Whoever made somebody's key or sign-in link, or set their password, could act in their name, so
    the two do not count as different persons.  Raises SecondPersonNeeded, and
    PersonNeeded for a key that belongs to nobody.
    """
    if waiting.proposed_by == actor.id:
        raise SecondPersonNeeded(
            "You proposed this decision; somebody else has to approve it.", decision=waiting.id
        )
    if not actor.is_person:
        raise PersonNeeded(
            f"The key '{actor.name}' belongs to nobody, and only people approve: it may record "
            "and propose. Approve at the desk, or with a person's key: claimdesk keys create "
            "--name NAME --role ROLE --user EMAIL.",
            decision=waiting.id,
        )
    if waiting.proposed_by in actor.made_by:
        raise SecondPersonNeeded(
            f"{waiting.proposed_by_name}, who proposed this decision, made the "
            f"{_describe_means(actor)} by which you act; somebody else has to approve it, or you "
            "by means of your own: by a sign-in link of another administrator or the console "
            "(claimdesk users link EMAIL).",
            decision=waiting.id,
        )
    if actor.id in waiting.proposed_through:
        raise SecondPersonNeeded(
            "You made the key, the sign-in link or the password by which this decision was "
            "proposed; somebody else has to approve it.",
            decision=waiting.id,
        )


def _describe_means(actor: Actor) -> str:
    by_key = actor.means is not None and actor.means.key_id is not None
    return "key" if by_key else "sign-in link or the password"


def explain_refusal(waiting: Pending, actor: Actor) -> str | None:
    """Say why `actor` may not approve the decision that waits; None if they may."""
    try:
        require_second_person(waiting, actor)
    except (SecondPersonNeeded, PersonNeeded) as error:
        return error.detail
    return None
