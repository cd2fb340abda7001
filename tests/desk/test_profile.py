"""The profile: permissions, sessions, and the password."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from service.accounts import credentials, session_commands, sign_in_commands
from service.desk.accounts.profile_page import name_browser
from service.domain import access
from service.verification import verification
from service.web.callers import COOKIE
from service.web.password_checks import TRIES_A_MINUTE
from service.web.sessions import derive_form_token
from tests.api.problems import nothing_changes
from tests.desk.conftest import (
    BROWSER,
    NAMES,
    People,
    parse_page,
    read_text,
    read_words,
    send_form,
    submit,
)

PASSWORD = "correct horse battery"
OTHER = "staple under the table"
END_OTHERS = "/profile/sessions/end-others"
NOTICE = "/profile/link-notice"


def build_name(token: str) -> str:
    return credentials.hash_secret(token)[:16]


async def set_password(people: People, password: str = PASSWORD, **fields: str) -> None:
    answer = await submit(
        people.checker, "/profile", "/profile/password", password=password, again=password, **fields
    )
    assert answer.status_code == 303, read_text(answer)
    assert answer.headers["location"] == "/profile?done=password"


async def test_profile_shows_name_role_and_permissions(people: People) -> None:
    """Each role its own; nothing that only others may."""
    text = read_text(await people.checker.get("/profile"))
    assert "Ana Checker checker@desk.example checker" in text
    assert "change a claim's status" in text
    assert "manage users" not in text
    assert "manage users" in read_text(await people.admin.get("/profile"))
    assert (await people.public.get("/profile")).headers["location"] == "/sign-in?next=%2Fprofile"


async def test_sessions_are_listed_and_ended_one_by_one(people: People) -> None:
    """The present one is marked, and first; another ends at once, and only one's own can be
    ended. Of none is the token on the page."""
    other = await people.sign_in("checker", agent="Mozilla/5.0 (iPhone) Version/17 Safari/604")
    third = await people.sign_in("checker", agent=None)
    page = await people.checker.get("/profile")
    sessions = [read_words(item) for item in parse_page(page).xpath("//ul/li[form]")]
    assert sessions[0].startswith("Firefox here since 2 Oct 2023")
    assert [item.split(" since")[0] for item in sessions[1:]] == [
        "An unnamed browser",
        "Safari on iOS",
    ]
    for token in (other, third, people.tokens["checker"]):
        assert token not in page.text
        assert credentials.hash_secret(token) not in page.text
    async with people.browser(other) as phone:
        assert (await phone.get("/")).status_code == 200
        answer = await send_form(people.checker, page, f"/profile/sessions/{build_name(other)}/end")
        assert answer.headers["location"] == "/profile?done=ended"
        assert (await phone.get("/")).status_code == 303
    twice = await send_form(
        people.checker, page, f"/profile/sessions/{build_name(other)}/end", once="another"
    )
    assert twice.status_code == 404
    assert "It has ended already" in read_text(twice)
    async with people.browser(third) as live_browser:
        assert (await live_browser.get("/")).status_code == 200


@pytest.mark.parametrize("name", ["%" * 16, "_" * 16, "0" * 15 + "%", "", "%", "f" * 64, "é" * 16])
async def test_pattern_of_a_session_name_ends_no_session(people: People, name: str) -> None:
    """Nor does part of a name, nor the name of another's session."""
    other_session = build_name(people.tokens["editor"])
    csrf = derive_form_token(people.tokens["checker"])
    async with nothing_changes(people.desk):
        for wrong_name in (name, other_session, build_name(people.tokens["checker"])[:8]):
            refusal = await people.checker.post(
                f"/profile/sessions/{wrong_name}/end", data={"csrf": csrf, "once": "x"}
            )
            assert refusal.status_code in (404, 422), wrong_name
    assert (await people.editor.get("/")).status_code == 200


async def test_all_other_sessions_can_be_ended_at_once(people: People) -> None:
    """The present one goes on, and so do other people's."""
    assert not parse_page(await people.checker.get("/profile")).xpath(
        f"//form[@action='{END_OTHERS}']"
    )
    tokens = [await people.sign_in("checker") for _ in range(3)]
    for token in tokens:
        async with people.browser(token) as client:
            assert (await client.get("/")).status_code == 200
    answer = await submit(people.checker, "/profile", END_OTHERS)
    assert "signed out everywhere else" in read_text(
        await people.checker.get(answer.headers["location"])
    )
    for token in tokens:
        async with people.browser(token) as client:
            assert (await client.get("/")).status_code == 303
    assert (await people.editor.get("/")).status_code == 200


async def test_many_sessions_stay_one_page(people: People) -> None:
    for _ in range(60):
        await people.sign_in("checker")
    response = await people.checker.get("/profile")
    assert len(parse_page(response).xpath("//ul/li[form]")) == 50
    assert "And 11 more" in read_text(response)


async def test_password_can_be_set_and_changed(people: People) -> None:
    """Set without one, changed only with the present one; either signs out everywhere else, and
    links made before are void. The new one signs in, the old one no longer."""
    token = await people.sign_in("checker")
    await set_password(people)
    async with people.browser(token) as elsewhere:
        assert (await elsewhere.get("/")).status_code == 303
    link = await people.desk.database.write(
        sign_in_commands.create_sign_in_link,
        people.ids["checker"],
        actor=access.SYSTEM,
        now=people.desk.clock.now,
    )
    response = await people.checker.get("/profile")
    assert "Change your password" in read_text(response)
    async with nothing_changes(people.desk):
        for present in (None, "", "not this one!", f"{PASSWORD} ", "x" * 3000):
            refusal = await submit(
                people.checker, "/profile", "/profile/password",
                present=present, password=OTHER, again=OTHER,
            )  # fmt: skip
            assert refusal.status_code == 422
            page = parse_page(refusal)
            [field] = page.xpath("//input[@aria-invalid='true']/@name")
            assert field == "present"
            assert page.xpath("//input[@type='password'][@value!='']") == []
            assert OTHER not in refusal.text
    await set_password(people, OTHER, present=PASSWORD)
    assert (await people.public.get(f"/sign-in/{link}")).status_code == 401
    for password, status in ((PASSWORD, 401), (OTHER, 303)):
        attempt = await submit(
            people.public,
            "/sign-in",
            "/sign-in",
            email=people.emails["checker"],
            password=password,
        )
        assert attempt.status_code == status


async def test_a_password_may_begin_with_a_space(people: People) -> None:
    """It is taken as it was typed."""
    password = "  twelve chars  "
    await set_password(people, password)
    await set_password(people, OTHER, present=password)


@pytest.mark.parametrize(
    ("password", "repeated_password", "field", "message"),
    [
        ("short", "short", "password", "at least 12 characters"),
        ("", "", "password", "at least 12 characters"),
        ("x" * 1001, "x" * 1001, "password", "at most 1000"),
        ("with a \x00 in it", "with a \x00 in it", "password", "pattern"),
        (PASSWORD, PASSWORD + "!", "again", "not the same"),
        (PASSWORD, "", "again", "not the same"),
    ],
)
async def test_invalid_password_is_refused_at_its_field(
    people: People, password: str, repeated_password: str, field: str, message: str
) -> None:
    """And nobody is signed out."""
    async with nothing_changes(people.desk):
        refusal = await submit(
            people.checker,
            "/profile",
            "/profile/password",
            password=password,
            again=repeated_password,
        )
    assert refusal.status_code == 422
    page = parse_page(refusal)
    [at] = page.xpath("//input[@aria-invalid='true']")
    assert at.get("name") == field
    assert message in read_words(page.get_element_by_id(at.get("aria-describedby")))


async def test_attempts_at_the_present_password_are_limited(people: People) -> None:
    """As at signing in: whoever sits at a browser that was left open gets no more tries than a
    stranger, and does not keep its owner from signing in elsewhere."""
    await set_password(people)
    page = await people.checker.get("/profile")
    fields = {"password": OTHER, "again": OTHER}
    now = people.desk.clock.now
    for _ in range(TRIES_A_MINUTE):
        response = await send_form(
            people.checker, page, "/profile/password", present="a guess", **fields
        )
        assert response.status_code == 422
        people.desk.clock.now = now
    late = await send_form(people.checker, page, "/profile/password", present=PASSWORD, **fields)
    assert late.status_code == 429
    assert f"Wait {late.headers['retry-after']} seconds" in read_text(late)
    signing_in = await submit(
        people.public, "/sign-in", "/sign-in", email=people.emails["checker"], password=PASSWORD
    )
    assert signing_in.status_code == 303


async def test_a_key_has_no_sessions_and_no_password(people: People) -> None:
    """Its profile says so, whosever it is; no form is taken from it, though a cookie stands beside
    it, not even from an administrator's key."""
    response = await people.desk.admin.post(
        "/v1/keys", json={"name": "Mine", "role": "reader", "user": people.ids["admin"]}
    )
    keys = {people.desk.keys["admin"]: "belongs to nobody", response.json()["key"]: "acts as Ada"}
    for key, message in keys.items():
        bearer = {"Authorization": f"Bearer {key}"}
        profile = await people.desk.public.get("/profile", headers=BROWSER | bearer)
        assert profile.status_code == 200
        assert message in read_text(profile)
        page = parse_page(profile)
        assert not [form for form in page.forms if form.get("action", "").startswith("/profile")]
        headers = BROWSER | bearer | {"Cookie": f"{COOKIE}=mine"}
        data = {"csrf": derive_form_token("mine"), "password": OTHER, "again": OTHER, "once": "x"}
        async with nothing_changes(people.desk):
            for action in (
                "/profile/password",
                END_OTHERS,
                "/profile/sessions/0123456789abcdef/end",
            ):
                refusal = await people.desk.public.post(action, data=data, headers=headers)
                assert refusal.status_code == 401, action
    assert (await people.admin.get("/profile")).status_code == 200


async def test_a_form_without_its_token_changes_nothing(people: People) -> None:
    other = await people.sign_in("checker")
    async with nothing_changes(people.desk):
        for action in (
            "/profile/password",
            END_OTHERS,
            f"/profile/sessions/{build_name(other)}/end",
        ):
            refusal = await submit(
                people.checker, "/profile", action, csrf=None, password=OTHER, again=OTHER
            )
            assert refusal.status_code == 403, action


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        (None, "An unnamed browser"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Safari on iOS",
        ),
        ("curl/8.14.1", "A program"),
        ("Lynx/2.9", "Lynx/2.9"),
        ("Thing (Windows)", "A browser on Windows"),
    ],
)
def test_browser_is_described_by_its_user_agent(agent: str | None, message: str) -> None:
    """In words that people know their own by."""
    assert name_browser(agent) == message


@pytest.mark.parametrize("credential", ["password", "link"])
async def test_password_set_with_the_proposers_link_makes_no_second_person(
    people: People, credential: str
) -> None:
    """An administrator lets themselves in as somebody, sets "their own" password there and signs in
    with it: they are still one person.  A way in from elsewhere makes the account its owner's."""
    desk = people.desk
    await desk.record_parties()
    person, email = people.ids["checker"], people.emails["checker"]
    signed_in_browser: AbstractAsyncContextManager[httpx.AsyncClient]
    fields: dict[str, str] = {}
    if credential == "password":
        password_change = await people.admin.patch(
            f"/v1/users/{person}", json={"password": PASSWORD}
        )
        assert password_change.status_code == 200, password_change.text
        signed_in_browser = open_signed_in(people, email, PASSWORD)
        fields = {"present": PASSWORD}
    else:
        token = await desk.database.write(
            session_commands.start_session, person, opened_by=people.ids["admin"], now=desk.clock()
        )
        signed_in_browser = people.browser(token)
    async with signed_in_browser as client:
        answer = await submit(
            client, "/profile", "/profile/password", password=OTHER, again=OTHER, **fields
        )
        assert answer.status_code == 303, read_text(answer)
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", client=people.admin, cites=[link["id"]])
    assert proposal.status_code == 202, proposal.text
    approval = f"/v1/decisions/{proposal.json()['id']}/approval"
    async with open_signed_in(people, email, OTHER) as same_person:
        refusal = await same_person.post(approval)
        assert refusal.json()["type"] == "/problems/second-person-needed", refusal.text
        assert "claimdesk users link" in refusal.json()["detail"]
    async with people.browser(await people.sign_in("checker")) as owner:
        answer = await submit(
            owner, "/profile", "/profile/password", present=OTHER, password=PASSWORD, again=PASSWORD
        )
        assert answer.status_code == 303, read_text(answer)
    async with open_signed_in(people, email, PASSWORD) as owner:
        assert (await owner.post(approval)).status_code == 200


async def test_person_is_told_of_a_sign_in_link_made_for_them(people: People) -> None:
    """On every page, until they say that they know of it; whoever came in by it cannot say so."""
    await set_password(people)
    assert "made a sign-in link for you" not in read_text(await people.checker.get("/"))
    await make_link(people)
    people.desk.app.state.services.callers.forget_credentials()
    for page in ("/", "/parties", "/profile"):
        text = read_text(await people.checker.get(page))
        assert f"{NAMES['admin']} made a sign-in link for you on 2 Oct 2023" in text
    assert "made a sign-in link" not in read_text(await people.editor.get("/"))

    impostor = await people.desk.database.write(
        session_commands.start_session,
        people.ids["checker"],
        opened_by=people.ids["admin"],
        now=people.desk.clock(),
    )
    async with people.browser(impostor) as browser_of_impostor:
        home = await browser_of_impostor.get("/")
        refusal = await send_form(browser_of_impostor, home, NOTICE, number="2")
        assert refusal.status_code == 403
        assert "Sign in with your password" in read_text(refusal)

    home = await people.checker.get("/")
    [number] = parse_page(home).xpath(f"//form[@action='{NOTICE}']/input[@name='number']/@value")
    response = await send_form(people.checker, home, NOTICE, number=number)
    assert response.headers["location"] == "/profile?done=link-seen"
    text = read_text(await people.checker.get("/profile"))
    assert "made a sign-in link for you" not in text
    assert "made a sign-in link for Ana Checker" in text, "it stays listed"
    await make_link(people)
    people.desk.app.state.services.callers.forget_credentials()
    assert "made a sign-in link for you" in read_text(await people.checker.get("/"))
    report = await people.desk.database.read(verification.verify)
    assert report.ok, report.breaks


async def make_link(people: People) -> None:
    person = f"/admin/people/{people.ids['checker']}"
    response = await submit(people.admin, person, f"{person}/link")
    assert response.status_code == 200, read_text(response)


@pytest.mark.parametrize("number", ["", "x", "1e400", "-1", "9" * 30])
async def test_notice_needs_a_number(people: People, number: str) -> None:
    await set_password(people)
    await make_link(people)
    people.desk.app.state.services.callers.forget_credentials()
    answer = await submit(people.checker, "/", NOTICE, number=number)
    assert answer.status_code == 422
    assert "made a sign-in link for you" in read_text(await people.checker.get("/"))


@asynccontextmanager
async def open_signed_in(
    people: People, email: str, password: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A new browser that has signed in with a password."""
    async with people.browser() as client:
        answer = await client.post("/v1/session", json={"email": email, "password": password})
        assert answer.status_code == 204, answer.text
        yield client
