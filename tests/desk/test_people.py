"""Pages of people and keys: who gets in, with which role, by which link or key."""

from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from service.accounts import user_commands
from service.domain import access
from service.domain.access import Role
from service.store.tables import idempotency
from service.web.passwords import hash_password
from tests.api.problems import NOBODY, nothing_changes
from tests.desk.conftest import People, parse_page, read_text, read_words, send_form, submit

PEOPLE = "/admin/people"
KEYS = "/admin/keys"
NEW = {"name": "Vesna Vu", "email": " Vesna@Example.org ", "role": "editor"}


async def read_user(people: People, user_id: str) -> dict[str, Any]:
    return dict((await people.desk.admin.get(f"/v1/users/{user_id}")).json())


async def read_kept_answers(people: People) -> str:
    """All that is kept for double clicks."""
    rows = await people.desk.database.read(
        lambda connection: connection.execute(
            select(idempotency.c.body, idempotency.c.headers)
        ).all()
    )
    return str(rows)


def require_shown_once(response: httpx.Response) -> str:
    [secret_text] = parse_page(response).xpath("//code[contains(@class, 'secret')]")
    return str(read_words(secret_text))


def read_fault(response: httpx.Response, name: str) -> str:
    page = parse_page(response)
    [field] = page.xpath(f"//*[@aria-invalid='true'][@name='{name}' or @id='{name}']")
    return str(read_words(page.get_element_by_id(field.get("aria-describedby"))))


async def test_only_administrators_see_people_and_keys(people: People) -> None:
    """Others are told so, and learn no address; the public signs in."""
    person = f"{PEOPLE}/{people.ids['reader']}"
    for client in (people.reader, people.checker, people.editor):
        for path in (PEOPLE, KEYS, person, f"{KEYS}/abc/revoke"):
            refusal = await client.get(path)
            assert refusal.status_code == 403
            assert "@desk.example" not in refusal.text
    assert (await people.public.get(PEOPLE)).status_code == 303


async def test_people_are_listed_page_by_page(people: People) -> None:
    """With address, role, how they sign in, and who is disabled; page by page."""
    response = await people.admin.get(PEOPLE)
    rows = [read_words(item) for item in parse_page(response).xpath("//tbody/tr")]
    assert len(rows) == 10  # with the four whose keys the tests use
    assert "Ada Admin you admin@desk.example admin link 2 Oct 2023" in rows

    def create_many(connection: Connection) -> None:
        for number in range(100):
            user_commands.create_user(
                connection,
                email=f"p{number:03}@desk.example",
                name=f"Person {number:03}",
                role=Role.READER,
                password_hash="x" if number % 2 else None,
                actor=access.SYSTEM,
                now=people.desk.clock.now,
            )

    await people.desk.database.write(create_many)
    first = await people.admin.get(f"{PEOPLE}?done=saved")
    [following] = parse_page(first).xpath("//a[@rel='next']/@href")
    second = await people.admin.get(following)
    names = [
        name
        for page in (first, second)
        for name in parse_page(page).xpath("//tbody/tr/th/a/text()")
    ]
    assert len(names) == len(set(names)) == 110
    assert not parse_page(second).xpath("//a[@rel='next']")


async def test_added_person_gets_in_by_a_link_shown_once(people: People) -> None:
    """The link works once; it is on no page afterwards, in no cache, and not in what is kept for a
    double click, which makes neither a second account nor a second link."""
    page = await people.admin.get(PEOPLE)
    response = await send_form(people.admin, page, PEOPLE, **NEW)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    link = require_shown_once(response)
    assert link.startswith(f"{people.desk.settings.base_url}/sign-in/")
    second_answer = await send_form(people.admin, page, PEOPLE, **NEW)
    assert second_answer.status_code == 200
    assert "is kept nowhere" in read_text(second_answer)
    token = link.rpartition("/")[2]
    assert token not in second_answer.text
    assert token not in await read_kept_answers(people)
    assert token not in (await people.admin.get(PEOPLE)).text
    async with people.browser() as vesna:
        signed_in = await submit(vesna, f"/sign-in/{token}", f"/sign-in/{token}")
        assert signed_in.headers["location"] == "/"
        assert "Vesna Vu" in read_text(await vesna.get("/"))
        assert (await vesna.get(f"/sign-in/{token}")).status_code == 401
    users = (await people.desk.admin.get("/v1/users")).json()["items"]
    [vesna_row] = [item for item in users if item["email"] == "vesna@example.org"]
    assert (vesna_row["role"], vesna_row["has_password"]) == ("editor", False)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": ""}, "name", "this is needed"),
        ({"name": "n" * 121}, "name", "120"),
        ({"email": "no address"}, "email", "address"),
        ({"email": "READER@desk.example"}, "email", "already"),
        ({"role": "owner"}, "role", "editor"),
        ({"role": None}, "role", "editor"),
    ],
)
async def test_refused_person_is_reported_at_the_field(
    people: People, change: dict[str, Any], field: str, message: str
) -> None:
    """And all that was typed is still there."""
    fields = NEW | change
    async with nothing_changes(people.desk):
        refusal = await submit(people.admin, PEOPLE, PEOPLE, **fields)
    assert refusal.status_code == (409 if message == "already" else 422)
    assert message in read_fault(refusal, field)
    page = parse_page(refusal)
    for name in ("name", "email"):
        assert page.xpath(f"//input[@name='{name}']/@value") == [fields[name].strip()]
    if field != "role":
        assert page.xpath("//input[@name='role'][@checked]/@value") == [fields["role"]]


async def test_name_and_role_can_be_changed(people: People) -> None:
    """The role holds from the next request on, of a session that is open."""
    assert (await people.checker.get("/intake")).status_code == 200
    place = f"{PEOPLE}/{people.ids['checker']}"
    answer = await submit(people.admin, place, place, name="Ana Anić", role="reader")
    assert answer.headers["location"] == f"{place}?done=saved"
    assert (await people.checker.get("/intake")).status_code == 403
    assert "Ana Anić" in read_text(await people.checker.get("/"))
    refusal = await submit(people.admin, place, place, name=" ", role="editor")
    assert refusal.status_code == 422
    assert read_fault(refusal, "name") == "this is needed"
    assert parse_page(refusal).xpath("//input[@name='role'][@checked]/@value") == ["editor"]
    same = await submit(people.admin, place, place)
    assert same.status_code == 303
    assert (await read_user(people, people.ids["checker"]))["role"] == "reader"
    assert (await people.admin.get(f"{PEOPLE}/{NOBODY}")).status_code == 404


async def test_last_administrator_cannot_be_demoted_or_disabled(people: People) -> None:
    """The message is on top of the form."""
    place = f"{PEOPLE}/{people.ids['admin']}"
    role_refusal = await submit(people.admin, place, place, role="editor")
    assert role_refusal.status_code == 422
    assert "the last administrator" in read_fault(role_refusal, "role")
    state_refusal = await submit(people.admin, place, f"{place}/state")
    assert state_refusal.status_code == 422
    assert "the last administrator cannot be disabled" in read_text(state_refusal)
    assert "This is you" in read_text(state_refusal)
    assert (await people.admin.get(place)).status_code == 200


async def test_disabled_person_loses_every_access_at_once(people: People) -> None:
    """Session, link and key; enabled again, a new link lets them in, and the old one does not."""
    checker = people.ids["checker"]
    place = f"{PEOPLE}/{checker}"
    response = await submit(people.admin, place, f"{place}/link")
    old = require_shown_once(response).rpartition("/")[2]
    assert (await people.checker.get("/")).status_code == 200
    out = await submit(people.admin, place, f"{place}/state")
    assert out.headers["location"] == f"{place}?done=disabled"
    assert (await people.checker.get("/")).status_code == 303
    assert (await people.public.get(f"/sign-in/{old}")).status_code == 401
    account_page = await people.admin.get(place)
    assert "disabled 2 Oct 2023" in read_text(account_page)
    assert not parse_page(account_page).xpath(f"//form[@action='{place}/link']")
    assert "disabled" in read_text(await people.admin.get(PEOPLE))
    unsaid = await submit(people.admin, place, f"{place}/state", state=None)
    assert unsaid.status_code == 422
    assert "does not say which" in read_text(unsaid)
    back = await submit(people.admin, place, f"{place}/state")
    assert back.headers["location"] == f"{place}?done=enabled"
    assert (await people.public.get(f"/sign-in/{old}")).status_code == 401
    new = require_shown_once(await submit(people.admin, place, f"{place}/link")).rpartition("/")[2]
    let_in = await submit(people.public, f"/sign-in/{new}", f"/sign-in/{new}")
    assert let_in.status_code == 303
    page = await people.admin.get(place)
    await people.desk.admin.patch(f"/v1/users/{checker}", json={"disabled": True})
    late = await send_form(people.admin, page, f"{place}/link")
    assert late.status_code == 422
    assert "this account is disabled" in read_text(late)


async def test_forgotten_password_can_be_reset(people: People) -> None:
    """With the link that lets them set another; they are signed out everywhere meanwhile."""
    checker = people.ids["checker"]
    place = f"{PEOPLE}/{checker}"
    assert not parse_page(await people.admin.get(place)).xpath("//input[@name='forgotten']")
    await people.desk.database.write(
        user_commands.change_user,
        checker,
        {"password_hash": hash_password("correct horse battery")},
        actor=access.SYSTEM,
        now=people.desk.clock.now,
    )
    link_answer = await submit(people.admin, place, f"{place}/link")
    assert (await read_user(people, checker))["has_password"] is True
    reset_answer = await submit(people.admin, place, f"{place}/link", forgotten="yes")
    assert (await read_user(people, checker))["has_password"] is False
    assert (await people.checker.get("/")).status_code == 303
    for response, status in ((link_answer, 401), (reset_answer, 200)):
        token = require_shown_once(response).rpartition("/")[2]
        assert (await people.public.get(f"/sign-in/{token}")).status_code == status


async def test_new_key_is_shown_once(people: People) -> None:
    """It opens what its role may; it is on no page afterwards, in no cache, and not in what is kept
    for a double click."""
    page = await people.admin.get(KEYS)
    fields = {
        "name": "The <CMS>",
        "role": "checker",
        "user": people.ids["editor"],
        "expires_at": "2024-01-31T12:30",
    }
    response = await send_form(people.admin, page, KEYS, **fields)
    assert response.headers["cache-control"] == "no-store"
    key = require_shown_once(response)
    assert "acting as Edit Editor, until 31 Jan 2024, 12:30 UTC" in read_text(response)
    me = await people.desk.public.get("/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert (me.json()["id"], me.json()["role"]) == (people.ids["editor"], "checker")
    second_answer = await send_form(people.admin, page, KEYS, **fields)
    assert "is kept nowhere" in read_text(second_answer)
    secret = key.rpartition("_")[2]
    key_page = await people.admin.get(KEYS)
    for elsewhere in (second_answer.text, key_page.text, await read_kept_answers(people)):
        assert secret not in elsewhere
    [row] = [
        item for item in parse_page(key_page).xpath("//tbody/tr") if "The <CMS>" in read_words(item)
    ]
    words = read_words(row)
    assert "acts as Edit Editor, made 2 Oct 2023" in words
    assert "31 Jan 2024, 12:30 UTC" in words


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": ""}, "name", "this is needed"),
        ({"expires_at": "2023-01-01T00:00"}, "expires_at", "expired already"),
        ({"expires_at": "tomorrow"}, "expires_at", "day and an hour"),
        ({"role": "admin", "user": "checker"}, "role", "only checker"),
        ({"user": NOBODY}, "user", "no active user"),
        ({"user": "me"}, "user", "UUID"),
    ],
)
async def test_invalid_key_is_refused_at_its_field(
    people: People, change: dict[str, str], field: str, message: str
) -> None:
    fields = {"name": "CMS", "role": "reader", "user": "", "expires_at": ""} | change
    fields["user"] = people.ids.get(fields["user"], fields["user"])
    async with nothing_changes(people.desk):
        refusal = await submit(people.admin, KEYS, KEYS, **fields)
    assert refusal.status_code == 422
    assert message in read_fault(refusal, field)
    page = parse_page(refusal)
    assert page.xpath("//input[@name='name']/@value") == [fields["name"]]
    assert page.xpath("//select[@name='role']/option[@selected]/@value") == [fields["role"]]
    assert page.xpath("//input[@name='expires_at']/@value") == [fields["expires_at"]]


async def test_key_is_revoked_after_a_question(people: People) -> None:
    """From its next request on it opens nothing; asked again, the page says since when."""
    key = people.desk.keys["reader"]
    key_id = key.split("_")[1]
    assert (await people.desk.reader.get("/v1/me")).status_code == 200
    place = f"{KEYS}/{key_id}"
    page = await people.admin.get(f"{place}/revoke")
    assert "Revoke reader?" in read_text(page)
    answer = await send_form(people.admin, page, f"{place}/revocation")
    assert answer.headers["location"] == f"{KEYS}?done=revoked"
    assert (await people.desk.reader.get("/v1/me")).status_code == 401
    twice = await send_form(people.admin, page, f"{place}/revocation", once="another")
    assert "opens nothing any more" in read_text(twice)
    assert "revoked" in read_text(await people.admin.get(KEYS))
    assert not parse_page(await people.admin.get(KEYS)).xpath(f"//a[@href='{place}/revoke']")
    assert (await people.admin.get(f"{KEYS}/unknown/revoke")).status_code == 404


async def test_empty_list_explains_keys(people: People) -> None:
    await people.desk.database.write(
        lambda connection: connection.exec_driver_sql("DELETE FROM api_keys")
    )
    assert "No keys yet" in read_text(await people.admin.get(KEYS))


async def test_form_without_its_token_changes_nothing(people: People) -> None:
    """No form here is taken from another site's page."""
    person = f"{PEOPLE}/{people.ids['checker']}"
    key = f"{KEYS}/{people.desk.keys['reader'].split('_')[1]}"
    async with nothing_changes(people.desk):
        for page, action in (
            (PEOPLE, PEOPLE),
            (person, person),
            (person, f"{person}/state"),
            (person, f"{person}/link"),
            (KEYS, KEYS),
            (f"{key}/revoke", f"{key}/revocation"),
        ):
            refusal = await submit(people.admin, page, action, csrf=None, **NEW)
            assert refusal.status_code == 403, action
