"""Every page and form against every role, and what a form must carry."""

from service.domain.access import PERMISSIONS, Action, Role
from tests.api.problems import NOBODY, nothing_changes
from tests.desk.conftest import BROWSER, People, read_text
from tests.desk.pages import FORMS, OPEN, PAGES
from tests.support.desk import Desk

PLACES = dict.fromkeys(
    (
        "claim_id",
        "link_id",
        "decision_id",
        "note_id",
        "follow_id",
        "view_id",
        "inquiry_id",
        "request_id",
        "intake_id",
        "statement_id",
        "speaker_id",
        "webhook_id",
        "delivery_id",
        "user_id",
        "use_id",
        "source_id",
        "feed_id",
    ),
    NOBODY,
) | {
    "verdict": "approval",
    "slug": "nobody",
    "name": "nothing.css",
    "key_id": "abcdefghijkm",
    "token": "unknown",
    "session": "0" * 16,
}


async def test_pages_admit_only_the_roles_of_the_table(desk: Desk, people: People) -> None:
    """Others are refused with a page; who is not signed in is taken to sign in, and back."""
    for path, rule in PAGES.items():
        if rule == OPEN:
            continue
        url = path.format(**PLACES)
        redirect = await people.public.get(url)
        assert redirect.status_code == 303, path
        assert redirect.headers["location"].startswith("/sign-in?next=%2F"), path
        for role in Role:
            response = await getattr(people, role.value).get(url)
            is_allowed = not isinstance(rule, Action) or role in PERMISSIONS[rule]
            assert (response.status_code != 403) is is_allowed, (path, role, response.status_code)
            assert response.status_code < 500, (path, role)


async def test_forms_admit_only_the_roles_of_the_table(desk: Desk, people: People) -> None:
    """Whoever may not is refused before anything is looked at, and nothing changes; whoever may
    gets further only with the token of their own session, from our own pages."""
    foreign_page = await people.checker.get("/intake")
    token = foreign_page.text.split('name="csrf" value="')[1].split('"')[0]
    async with nothing_changes(desk):
        for path, rule in FORMS.items():
            if rule == OPEN:
                continue
            url = path.format(**PLACES)
            assert (await people.public.post(url, data={})).status_code == 401, path
            for role in Role:
                client = getattr(people, role.value)
                is_allowed = not isinstance(rule, Action) or role in PERMISSIONS[rule]
                bare = await client.post(url, data={"csrf": "x" * 64})
                assert bare.status_code == 403, (path, role)
                assert ("not filled in on a page" in read_text(bare)) is is_allowed, (path, role)
                if role is not Role.CHECKER:
                    other = await client.post(url, data={"csrf": token})
                    assert other.status_code == 403, (path, role)
            elsewhere = await people.admin.post(
                url, data={"csrf": token}, headers={"Origin": "https://evil.example"}
            )
            assert elsewhere.status_code == 403, path
            nowhere = people.browser(people.tokens["admin"])
            del nowhere.headers["Origin"]
            assert (await nowhere.post(url, data={"csrf": token})).status_code == 403, path
            key = people.browser(Authorization=f"Bearer {desk.keys['admin']}")
            assert (await key.post(url, data={"csrf": token})).status_code in (401, 403), path


async def test_programs_get_problems_and_people_get_pages(desk: Desk, people: People) -> None:
    """The API answers in JSON whoever asks; a page asked for without HTML is a problem too."""
    for path, accept, kind in (
        ("/v1/claims/x", BROWSER["Accept"], "application/problem+json"),
        ("/nothing", "application/json", "application/problem+json"),
        ("/nothing", BROWSER["Accept"], "text/html; charset=utf-8"),
    ):
        response = await people.checker.get(path, headers={"Accept": accept})
        assert response.headers["content-type"] == kind, (path, accept)
