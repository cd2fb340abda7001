"""The record of accounts at the desk, and the form that changes the policy."""

from tests.desk.conftest import People, parse_page, read_words, submit

RECORD = "/admin/record"


async def test_account_page_lists_the_accounts_changes(people: People) -> None:
    reader = f"/admin/people/{people.ids['reader']}"
    await submit(people.admin, reader, f"{reader}/link")
    await submit(people.admin, reader, f"{reader}/state", state="disabled")
    lines = parse_page(await people.admin.get(reader)).xpath("//ol[contains(@class, 'audit')]/li")
    words = [read_words(line) for line in lines]
    assert "changed the account of" in words[0]
    assert "disabled." in words[0]
    assert "made a sign-in link for" in words[1]
    assert "Ada Admin" in words[1]


async def test_the_policy_is_changed_by_a_form_and_recorded(people: People) -> None:
    page = await people.admin.get(RECORD)
    assert "A second person approves what is printed" in page.text
    answer = await submit(people.admin, RECORD, "/admin/policy", four_eyes="off")
    assert answer.status_code == 303
    saved_page = await people.admin.get(answer.headers["Location"])
    assert "One person alone decides, from now on." in saved_page.text
    assert "Ask for a second person" in saved_page.text
    assert "did without a second person" in saved_page.text
    refusal = await submit(people.admin, RECORD, "/admin/policy", four_eyes="perhaps")
    assert refusal.status_code == 422


async def test_profile_lists_what_others_did_to_the_account(people: People) -> None:
    """A link that an administrator made, with whose it is; not what one did oneself."""
    before = await people.checker.get("/profile")
    assert "What others did to your account" in before.text or "sign-in link" not in before.text
    person = f"/admin/people/{people.ids['checker']}"
    await submit(people.admin, person, f"{person}/link")
    page = parse_page(await people.checker.get("/profile"))
    [first, *_] = page.xpath("//section[@aria-labelledby='others']//li")
    words = read_words(first)
    assert "Ada Admin" in words
    assert "made a sign-in link for" in words
