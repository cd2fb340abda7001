"""Who may do what, written out to be read by eye, and the errors as one catalogue."""

from __future__ import annotations

import pytest

from service.domain import access, errors
from service.domain.access import Action, Actor, Role
from service.domain.errors import Forbidden, NotAuthenticated

#                                    reader checker editor admin   nobody, public
TABLE = {
    Action.READ_CLAIMS: "            yes    yes     yes    yes     yes",
    Action.READ_RECORDS: "           yes    yes     yes    yes     no",
    Action.READ_INTERNALS: "         no     yes     yes    yes     no",
    Action.READ_WITHHELD: "          no     no      yes    yes     no",
    Action.RECORD: "                 no     yes     yes    yes     no",
    Action.AMEND: "                  no     yes     yes    yes     no",
    Action.REVERSE: "                no     yes     yes    yes     no",
    Action.HOLD: "                   no     yes     yes    yes     no",
    Action.RECORD_USE: "             yes    yes     yes    yes     no",
    Action.SETTLE_USE: "             no     yes     yes    yes     no",
    Action.CHANGE_STATUS: "          no     yes     yes    yes     no",
    Action.APPROVE: "                no     yes     yes    yes     no",
    Action.OVERRIDE: "               no     no      yes    yes     no",
    Action.CHANGE_PARTIES: "         no     no      yes    yes     no",
    Action.SHARE_FEEDS: "            no     no      yes    yes     no",
    Action.SHARE_VIEWS: "            no     no      yes    yes     no",
    Action.MERGE_DIRECTORY: "        no     no      yes    yes     no",
    Action.MANAGE_KEYS: "            no     no      no     yes     no",
    Action.MANAGE_USERS: "           no     no      no     yes     no",
    Action.MANAGE_WEBHOOKS: "           no     no      no     yes     no",
    Action.MANAGE_POLICY: "          no     no      no     yes     no",
    Action.READ_METRICS: "           no     no      no     yes     no",
}
CASES = [
    (action, role, answer == "yes")
    for action, row in TABLE.items()
    for role, answer in zip((*Role, None), row.split(), strict=True)
]


def build_actor(role: Role | None) -> Actor | None:
    return None if role is None else Actor("ana", "Ana", role)


def test_the_table_names_every_action_and_role() -> None:
    """No action is left without a rule, and the roles stand in the order of the table."""
    assert set(TABLE) == set(Action) == set(access.PERMISSIONS)
    assert list(Role) == [Role.READER, Role.CHECKER, Role.EDITOR, Role.ADMIN]


@pytest.mark.parametrize(("action", "role", "may"), CASES)
def test_roles_may_do_what_the_table_says(action: Action, role: Role | None, may: bool) -> None:
    """Each role may do what its column says; nobody in particular, what the public may."""
    who = build_actor(role)
    assert access.is_allowed(who, action, public_read=True) is may
    if may:
        access.require_permission(who, action, public_read=True)
        return
    with pytest.raises(NotAuthenticated if who is None else Forbidden):
        access.require_permission(who, action, public_read=True)


@pytest.mark.parametrize("action", list(Action))
def test_without_public_read_the_public_reads_nothing(action: Action) -> None:
    """Public reading is off by default: whoever is not signed in may do nothing at all."""
    assert not access.is_allowed(None, action)
    with pytest.raises(NotAuthenticated, match="Authorization: Bearer"):
        access.require_permission(None, action)


@pytest.mark.parametrize(("action", "role", "may"), [case for case in CASES if case[1]])
def test_public_read_gives_roles_nothing_more(action: Action, role: Role, may: bool) -> None:
    """A role's rights do not depend on what the public may read."""
    assert access.is_allowed(build_actor(role), action) is may


def test_refusal_names_the_allowed_roles() -> None:
    """In the order of the table, with one's own."""
    with pytest.raises(Forbidden) as refusal:
        access.require_permission(build_actor(Role.READER), Action.OVERRIDE)
    assert refusal.value.detail == (
        "To decide against the guards, or approve that takes one of the roles editor, admin; "
        "yours is reader."
    )


def test_every_error_has_its_own_slug_and_status() -> None:
    """The catalogue holds each class of the tree once, as the tree in the module's text says."""
    kinds = errors.list_problems()

    def list_subclasses(kind: type[errors.ClaimdeskError]) -> list[type[errors.ClaimdeskError]]:
        return [
            kind,
            *(deeper for subclass in kind.__subclasses__() for deeper in list_subclasses(subclass)),
        ]

    tree = list_subclasses(errors.ClaimdeskError)
    assert len(kinds) == len(tree)
    for slug, kind in kinds.items():
        assert kind.slug == slug
        assert 400 <= kind.status <= 507
        assert kind.title
        if kind is not errors.ClaimdeskError:
            assert kind.__name__ in (errors.__doc__ or "")


def test_an_error_carries_its_detail_and_extras() -> None:
    """`errors` is there for every invalid request, empty where no field is at fault."""
    assert errors.Invalid("no").extras == {"errors": []}
    at = errors.Invalid("too long", loc=("body", "tags", 2))
    assert at.extras == {"errors": [{"loc": ["body", "tags", 2], "msg": "too long"}]}
    assert str(errors.PreconditionFailed("stale", version=7)) == "stale"
    assert errors.PreconditionFailed("stale", version=7).extras == {"version": 7}
