"""The second person on a desk of two: whoever was let in by the one who proposes is none, and the
pages say so before somebody counts on it."""

import httpx
import pytest

from service.accounts import sign_in_commands
from service.domain import access
from tests.desk.conftest import People, parse_page, read_text, read_words, send_form, submit
from tests.support.desk import Desk


async def add_ben(people: People) -> httpx.Response:
    """The administrator adds Ben; the page with his link."""
    return await submit(
        people.admin,
        "/admin/people",
        "/admin/people",
        name="Ben",
        email="ben@desk.example",
        role="editor",
    )


def read_link(answer: httpx.Response) -> str:
    return "/sign-in/" + answer.text.split("/sign-in/")[1].split("<")[0].split('"')[0]


async def sign_in_by(client: httpx.AsyncClient, link: str) -> httpx.Response:
    page = await client.get(link)
    assert (await send_form(client, page, link)).status_code == 303
    return page


async def propose(desk: Desk, proposer: httpx.AsyncClient) -> str:
    """Propose what NATO's support suffices for; the claim."""
    await desk.record_parties()
    claim = await desk.record_claim()
    link = await desk.link_statement(claim["id"], "supports", "nato")
    address = f"/claims/{claim['id']}"
    answer = await submit(
        proposer,
        address,
        f"{address}/status",
        to="confirmed",
        reason="NATO saw it.",
        cites=link["id"],
    )
    assert answer.status_code == 303, read_text(answer)
    return str(claim["id"])


async def list_groups(client: httpx.AsyncClient) -> list[str]:
    page = parse_page(await client.get("/review"))
    return [read_words(title) for title in page.cssselect("main section h2")]


@pytest.fixture
async def claim(desk: Desk, people: People) -> str:
    return await propose(desk, people.admin)


async def test_new_persons_link_says_what_it_does_not_do(people: People) -> None:
    answer = await add_ben(people)
    assert "what you propose, Ben cannot approve when signed in by this one" in read_text(answer)
    assert "claimdesk users link ben@desk.example" in read_text(answer)


async def test_proposal_waits_for_whoever_may_approve_it(people: People, claim: str) -> None:
    """Not for whom the proposer let in, until a link of the console lets him in."""
    ben, added_page = people.public, await add_ben(people)
    await sign_in_by(ben, read_link(added_page))
    assert "Approve" not in read_text(await ben.get(f"/claims/{claim}"))
    assert await list_groups(ben) == ["Waiting for somebody else 1"]
    assert await list_groups(people.checker2) == ["Waiting for you 1"]
    crumbs = parse_page(added_page).cssselect(".crumb a")
    ben_id = str(crumbs[-1].get("href")).rpartition("/")[2]
    token = await people.desk.database.write(
        sign_in_commands.create_sign_in_link,
        ben_id,
        actor=access.SYSTEM,
        now=people.desk.clock.now,
    )
    page = await sign_in_by(ben, f"/sign-in/{token}")
    assert "you do not need this link" not in read_text(page)
    assert "What they propose you can approve once you have signed in by this link" in read_text(
        page
    )
    assert await list_groups(ben) == ["Waiting for you 1"]


async def test_nobody_approves_what_was_proposed_by_a_link_of_theirs(
    desk: Desk, people: People
) -> None:
    ben = people.public
    await sign_in_by(ben, read_link(await add_ben(people)))
    await propose(desk, ben)
    assert await list_groups(people.admin) == ["Waiting for somebody else 1"]
    assert await list_groups(people.checker) == ["Waiting for you 1"]
