"""Signing in and out at the desk: who gets in, how, and what then no longer holds."""

from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from service.accounts import session_commands, sign_in_commands, user_commands
from service.config import Settings
from service.domain import access
from service.web.callers import COOKIE
from service.web.password_checks import TRIES_A_MINUTE
from service.web.passwords import hash_password
from service.web.sessions import VISIT, derive_form_token
from tests.api.problems import nothing_changes
from tests.desk.conftest import BROWSER, People, parse_page, read_text, send_form, submit
from tests.support import desk as support

PASSWORD = "correct horse battery"


@pytest.fixture
async def ana(people: People) -> str:
    """The address of a checker who has a password."""
    await people.desk.database.write(
        user_commands.change_user,
        people.ids["checker"],
        {"password_hash": hash_password(PASSWORD)},
        actor=access.SYSTEM,
        now=people.desk.clock.now,
    )
    return people.emails["checker"]


async def link_for(people: People, name: str = "checker") -> str:
    token = await people.desk.database.write(
        sign_in_commands.create_sign_in_link,
        people.ids[name],
        actor=access.SYSTEM,
        now=people.desk.clock.now,
    )
    return f"/sign-in/{token}"


def read_cookie(response: httpx.Response, name: str = COOKIE) -> Any:
    for header in response.headers.get_list("set-cookie"):
        cookies: SimpleCookie = SimpleCookie(header)
        if name in cookies:
            return cookies[name]
    return None


async def test_menu_shows_who_is_signed_in(people: People) -> None:
    """Each sees who they are signed in as, and what they may do; the public is asked to sign in,
    and comes back to where it wanted to go."""
    for name in ("reader", "checker", "checker2", "editor", "editor2", "admin"):
        response = await getattr(people, name).get("/")
        assert "Signed in as" in read_text(response)
        assert ('href="/admin/people"' in response.text) == (name == "admin")
        assert ('href="/intake"' in response.text) == (name != "reader")
    public = await people.public.get("/?status=asserted")
    assert (public.status_code, public.headers["cache-control"]) == (303, "no-store")
    assert public.headers["location"] == "/sign-in?next=%2F%3Fstatus%3Dasserted"
    sign_in_page = await people.public.get(public.headers["location"])
    assert parse_page(sign_in_page).xpath("//input[@name='next']/@value") == ["/?status=asserted"]


async def test_a_password_signs_in(people: People, ana: str) -> None:
    """To the page that was wanted, with a cookie that no script reads and no other site sends; the
    address in any case of its letters."""
    response = await submit(
        people.public,
        "/sign-in?next=/?kind=figure",
        "/sign-in",
        email=f" {ana.upper()} ",
        password=PASSWORD,
    )
    assert (response.status_code, response.headers["location"]) == (303, "/?kind=figure")
    assert response.headers["cache-control"] == "no-store"
    cookie = read_cookie(response)
    assert cookie["httponly"] is True
    assert cookie["secure"] is True
    assert (cookie["samesite"], cookie["path"]) == ("lax", "/")
    assert "Ana Checker" in read_text(await people.public.get("/"))


async def test_a_wrong_password_keeps_what_was_typed(people: People, ana: str) -> None:
    """The same is said of a wrong password and of an unknown address; the address is kept, the
    password is not, and no session is begun."""
    page = "/sign-in?next=/review"
    async with nothing_changes(people.desk):
        wrong_password = await submit(
            people.public, page, "/sign-in", email=ana, password="not this one!"
        )
        other = "nobody@desk.example"
        unknown = await submit(people.public, page, "/sign-in", email=other, password=PASSWORD)
        link_only = people.emails["editor"]
        none_set = await submit(people.public, page, "/sign-in", email=link_only, password=PASSWORD)
        for response, email in ((wrong_password, ana), (unknown, other), (none_set, link_only)):
            assert response.status_code == 401
            assert response.headers["cache-control"] == "no-store"
            assert read_cookie(response) is None
            sign_in_page = parse_page(response)
            assert sign_in_page.xpath("//*[@role='alert']")[0].text == (
                "No account has this address and password."
            )
            assert sign_in_page.xpath("//input[@name='email']/@value") == [email]
            assert sign_in_page.xpath("//input[@name='password']/@value") == []
            assert sign_in_page.xpath("//input[@name='next']/@value") == ["/review"]
        for fields in (
            {"email": "", "password": PASSWORD},
            {"email": ana, "password": ""},
            {"email": f"{ana}\x00", "password": PASSWORD},
            {"email": "a" * 300, "password": PASSWORD},
            {"email": ana, "password": None},
        ):
            refusal = await submit(people.public, page, "/sign-in", **fields)
            assert refusal.status_code == 422, fields
        too_long = await submit(people.public, page, "/sign-in", email=ana, password="x" * 2000)
        assert too_long.status_code == 401


async def test_password_attempts_are_limited(people: People, ana: str) -> None:
    """A try more than is allowed is not even looked at: 429, with how long to wait in words and in
    Retry-After; the right password would not help, later it does."""
    page = await people.public.get("/sign-in")
    now = people.desk.clock.now
    for _ in range(TRIES_A_MINUTE):
        response = await send_form(
            people.public, page, "/sign-in", email=ana, password="not this one!"
        )
        assert response.status_code == 401
        people.desk.clock.now = now
    late = await send_form(people.public, page, "/sign-in", email=ana, password=PASSWORD)
    assert late.status_code == 429
    wait = late.headers["retry-after"]
    assert 1 <= int(wait) <= 60
    assert f"Wait {wait} seconds" in read_text(late)
    assert read_cookie(late) is None
    people.desk.clock.advance(seconds=int(wait))
    right = await send_form(people.public, late, "/sign-in", email=ana, password=PASSWORD)
    assert right.status_code == 303


async def test_a_form_of_another_site_signs_nobody_in(people: People, ana: str) -> None:
    """Neither without the page's token, nor with one of another visit, nor from another origin: a
    stranger's account cannot be forced upon a browser."""
    page = await people.public.get("/sign-in")
    own_token = parse_page(page).xpath("//form[@action='/sign-in']//input[@name='csrf']/@value")[0]
    fields = {"email": ana, "password": PASSWORD}
    async with people.browser() as other:
        response = await other.get("/sign-in")
        token = parse_page(response).xpath(
            "//form[@action='/sign-in']//input[@name='csrf']/@value"
        )[0]
    async with nothing_changes(people.desk):
        for csrf in (None, "", token, own_token[:-1], "é"):
            refusal = await send_form(people.public, page, "/sign-in", csrf=csrf, **fields)
            assert refusal.status_code == 403, csrf
        for origin in ("https://evil.example", "null", ""):
            data = fields | {"csrf": own_token}
            refusal = await people.public.post("/sign-in", data=data, headers={"Origin": origin})
            assert refusal.status_code == 403
        people.public.cookies.delete(VISIT)
        assert (await send_form(people.public, page, "/sign-in", **fields)).status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/sign-in/abc",
        "/" + "a" * 4000,
        "",
    ],
)
async def test_sign_in_redirects_within_the_desk_only(
    people: People, ana: str, target: str
) -> None:
    """After signing in one is on a page of ours, whatever `next` says."""
    sign_in_page = await people.public.get("/sign-in", params={"next": target[:3000]})
    assert sign_in_page.status_code == 200
    if len(target) < 3000:
        assert parse_page(sign_in_page).xpath("//input[@name='next']/@value") == ["/"]
    response = await send_form(
        people.public, sign_in_page, "/sign-in", email=ana, password=PASSWORD, next=target
    )
    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_a_link_signs_in_once(people: People) -> None:
    """It asks first, and who looks at it (a chat's preview, a mail scanner) does not use it up; the
    second time a page says what to do, and begins no session."""
    url = await link_for(people)
    async with nothing_changes(people.desk):
        assert (await people.public.head(url)).status_code == 200
        response = await people.public.get(url)
        assert "Sign in as Ana Checker" in read_text(response)
        assert response.headers["cache-control"] == "no-store"
    first = await send_form(people.public, response, url)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert first.headers["cache-control"] == "no-store"
    assert read_cookie(first)["httponly"] is True
    assert "Ana Checker" in read_text(await people.public.get("/"))
    async with people.browser() as other, nothing_changes(people.desk):
        second_visit = await other.get(url)
        assert second_visit.status_code == 401
        assert read_cookie(second_visit) is None
        assert "no longer works This sign-in link was used before" in read_text(second_visit)
        assert parse_page(second_visit).xpath("//main//a[@href='/sign-in']")
        late = await send_form(other, response, url)
        assert late.status_code == 403  # its form is of another visit


async def test_used_link_leads_signed_in_people_to_the_board(people: People) -> None:
    """It says who one is, asks for nothing, and leads to the board; so does a link of another's
    that still works, which says whose it is before anything happens."""
    url = await link_for(people)
    assert (await submit(people.public, url, url)).status_code == 303
    for browser, name in ((people.public, "Ana Checker"), (people.editor, "Edit Editor")):
        response = await browser.get(url)
        assert response.status_code == 401
        assert f"You are signed in as {name} and need no link." in read_text(response)
        assert "claimdesk users link" not in read_text(response)
        assert "API key" not in read_text(response)
        assert "What you typed" not in read_text(response)
        assert parse_page(response).xpath("//main//a[@href='/']")
    unused_link = await link_for(people)
    other = await people.editor.get(unused_link)
    assert "You are signed in as Edit Editor. This link is for Ana Checker" in read_text(other)
    own = await people.checker.get(unused_link)
    assert "You are signed in as Ana Checker already, so you do not need this link." in read_text(
        own
    )
    answer = await send_form(people.editor, other, unused_link)
    assert answer.status_code == 303
    assert "Ana Checker" in read_text(await people.editor.get("/profile"))


async def test_link_is_void_after_a_day_a_new_password_or_disabling(people: People) -> None:
    """It is void after a day, once the account is disabled (though it be enabled again), and once
    its password has changed."""
    change = people.desk.database.write

    async def change_checker(changes: user_commands.UserChanges) -> None:
        await change(
            user_commands.change_user,
            people.ids["checker"],
            changes,
            actor=access.SYSTEM,
            now=people.desk.clock.now,
        )

    voiding: list[user_commands.UserChanges] = [
        {"disabled": True},
        {"password_hash": hash_password(PASSWORD)},
    ]
    for changes in voiding:
        url = await link_for(people)
        await change_checker(changes)
        await change_checker({"disabled": False})
        assert (await people.public.get(url)).status_code == 401, changes
    late = await link_for(people)
    people.desk.clock.advance(hours=24)
    assert (await people.public.get(late)).status_code == 401


async def test_signing_out_ends_the_session_at_once(people: People) -> None:
    """For everybody who has its cookie, on the very next request; other sessions go on."""
    other = people.browser(await people.sign_in("checker"))
    out = await submit(people.checker, "/", "/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in?done=signed-out")
    assert read_cookie(out).value == ""
    assert "You are signed out." in read_text(await people.checker.get(out.headers["location"]))
    async with people.browser(people.tokens["checker"]) as thief:
        response = await thief.get("/review")
        assert (response.status_code, response.headers["location"]) == (
            303,
            "/sign-in?next=%2Freview",
        )
    assert (await other.get("/")).status_code == 200
    await other.aclose()


async def test_signing_out_needs_a_form_of_the_session(people: People) -> None:
    """Another site signs nobody out, nor does a page of another's session."""
    page = await people.checker.get("/")
    response = await people.editor.get("/")
    async with nothing_changes(people.desk):
        refusal = await send_form(people.checker, page, "/sign-out", csrf=None)
        assert refusal.status_code == 403
        refusal = await send_form(people.checker, response, "/sign-out")
        assert refusal.status_code == 403
        csrf = parse_page(page).xpath("//form[@action='/sign-out']//input[@name='csrf']/@value")[0]
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
            refusal = await people.checker.post("/sign-out", data={"csrf": csrf}, headers=headers)
            assert refusal.status_code == 403


async def test_key_cannot_send_forms(people: People) -> None:
    """A program's key beside a cookie of its own making is no session: what only people do, as
    setting their password, no key does in their name."""
    key = people.desk.keys["admin"]
    headers = {"Authorization": f"Bearer {key}", "Cookie": f"{COOKIE}=mine"}
    async with nothing_changes(people.desk):
        refusal = await people.public.post(
            "/sign-out", data={"csrf": derive_form_token("mine")}, headers=headers
        )
    assert refusal.status_code == 401


async def test_ended_session_must_sign_in_again(people: People) -> None:
    """A page leads to the sign-in form and back; a form is told so, and nothing changes."""
    page = await people.checker.get("/")
    await people.desk.database.write(session_commands.end_sessions, people.ids["checker"])
    people.desk.app.state.services.callers.forget_credentials()
    response = await people.checker.get("/?kind=figure")
    assert response.headers["location"] == "/sign-in?next=%2F%3Fkind%3Dfigure"
    answer = await send_form(people.checker, page, "/sign-out")
    assert answer.status_code == 401
    assert "sign in in another tab" in read_text(answer)


async def test_ended_session_sees_the_public_pages_with_public_reading(
    settings: Settings,
) -> None:
    """The board, signed out; what is for the desk still asks to sign in, and a program with a
    wrong key is told so."""
    stale = {"Cookie": f"{COOKIE}=ended"}
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        response = await desk.public.get("/", headers=BROWSER | stale)
        assert response.status_code == 200
        assert "Sign in" in read_text(response)
        assert "Signed in as" not in read_text(response)
        # The cookie goes: with it, the page's stream of events would be refused for ever.
        assert response.headers["set-cookie"].startswith(f'{COOKIE}=""; ')
        assert "Max-Age=0" in response.headers["set-cookie"]
        missing = await desk.public.get("/nothing", headers=BROWSER | stale)
        assert "set-cookie" not in missing.headers  # nobody has looked at it there
        inside = await desk.public.get("/intake", headers=BROWSER | stale)
        assert inside.headers["location"] == "/sign-in?next=%2Fintake"
        wrong_key = await desk.public.get("/", headers=BROWSER | {"Authorization": "Bearer cd_a_b"})
        assert wrong_key.status_code == 303
        refusal = await desk.public.get("/v1/claims", headers=stale)
        assert refusal.status_code == 401


async def test_sign_in_page_reveals_nothing_of_the_desk(people: People) -> None:
    """Closed to the public, the sign-in page has neither navigation nor feeds."""
    response = await people.public.get("/sign-in")
    for inside in ("/intake", "/admin", "/feeds", 'id="q"'):
        assert inside not in response.text
    cookie = read_cookie(response, VISIT)
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"]) == ("lax", "/")
