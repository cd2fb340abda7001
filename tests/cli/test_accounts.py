"""`claimdesk users …` and `claimdesk keys …`, on both databases."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from service.cli import keys, shell
from tests.cli.conftest import Run, RunJson, Serve

pytestmark = pytest.mark.usefixtures("migrated_database")

ANA = ("--email", "Ana@Example.org", "--name", "Ana", "--role", "checker")


def test_created_key_has_the_documented_format(run_json: RunJson) -> None:
    created_key = run_json("keys", "create", "--name", "CMS", "--role", "reader")
    assert re.fullmatch(r"cd_[a-z0-9]{12}_[a-z0-9]{52}", created_key["key"])
    assert created_key["id"] == created_key["key"].split("_")[1]
    assert created_key["role"] == "reader"
    keys = run_json("keys", "list")
    assert [key["id"] for key in keys] == [created_key["id"]]
    assert created_key["key"].split("_")[2] not in json.dumps(keys)


def test_only_the_key_goes_to_standard_output(run: Run) -> None:
    result = run("keys", "create", "--name", "CMS", "--role", "reader")
    assert result.stdout.startswith("cd_")
    assert result.stdout.count("\n") == 1
    assert "not shown again" in result.stderr


def test_key_expires_at_the_requested_instant(run_json: RunJson, run: Run) -> None:
    key = run_json("keys", "create", "--name", "k", "--role", "reader", "--expires", "30d")
    lifetime = datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < lifetime <= timedelta(days=30)
    past = run("keys", "create", "--name", "k", "--role", "reader", "--expires", "2020-01-01T00Z")
    assert (past.exit_code, past.stderr) == (1, "error: the key would have expired already\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("4w", datetime(2026, 1, 29, tzinfo=UTC)),
        ("2026-02-01T00:00:00+01:00", datetime(2026, 1, 31, 23, tzinfo=UTC)),
        ("2026-02-01T00:00:00Z", datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_expiry_is_parsed(text: str, expected: datetime) -> None:
    assert keys.parse_expiry(text, now=datetime(2026, 1, 1, tzinfo=UTC)) == expected


@pytest.mark.parametrize("text", ["soon", "", "2026-02-01T00:00:00", "999999w", "-3d", "3"])
def test_invalid_expiry_is_a_usage_error(text: str) -> None:
    with pytest.raises(shell.CommandError, match="--expires") as failure:
        keys.parse_expiry(text, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert failure.value.code == 2


def test_key_of_a_user_has_at_most_their_role(run: Run, run_json: RunJson) -> None:
    run("users", "create", *ANA)
    key = run_json(
        "keys", "create", "--name", "k", "--role", "checker", "--user", "ana@example.org"
    )
    assert key["user"] == "ana@example.org"
    above = run("keys", "create", "--name", "k", "--role", "admin", "--user", "ana@example.org")
    assert (above.exit_code, above.stderr) == (1, "error: the user is only checker\n")


def test_key_is_revoked_by_its_id_or_by_the_whole_key(run: Run, run_json: RunJson) -> None:
    for part in ("id", "key"):
        created_key = run_json("keys", "create", "--name", "k", "--role", "reader")
        assert run("keys", "revoke", created_key[part]).exit_code == 0
        second_run = run("keys", "revoke", created_key[part])
        assert (second_run.exit_code, second_run.stderr) == (
            1,
            "error: This key was revoked before.\n",
        )
    assert all(key["revoked_at"] for key in run_json("keys", "list"))


def test_lists_longer_than_a_page_are_complete(
    run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A page that a few rows fill; the bound is part of the API's document.
    monkeypatch.setattr("service.store.paging.MAX_LIMIT", 2)
    created_ids = {
        run_json("keys", "create", "--name", f"k{n}", "--role", "reader")["id"] for n in range(5)
    }
    listed_ids = [key["id"] for key in run_json("keys", "list")]
    assert len(listed_ids) == 5
    assert set(listed_ids) == created_ids


def test_new_user_gets_a_sign_in_link(run_json: RunJson) -> None:
    user = run_json("users", "create", *ANA)
    assert user["email"] == "ana@example.org"
    assert user["role"] == "checker"
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/sign-in/[\w-]{43}", user["link"])
    second_link = run_json("users", "link", "ANA@example.org")
    assert second_link["link"] != user["link"]


def test_sign_in_links_lead_to_the_base_url(
    run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_BASE_URL", "https://desk.example/")
    user = run_json("users", "create", *ANA)
    assert user["link"].startswith("https://desk.example/sign-in/")


def test_sign_in_links_lead_to_the_last_started_server_without_a_base_url(
    run: Run, serve: Serve
) -> None:
    before = run("users", "create", *ANA)
    assert before.stdout.startswith("http://127.0.0.1:8000/sign-in/")
    assert "No server was started on this database yet" in before.stderr
    address = serve("--no-dispatch").address
    link = run("users", "link", "ana@example.org", "--json")
    assert json.loads(link.stdout)["link"].startswith(f"{address}/sign-in/")
    assert "set CLAIMDESK_BASE_URL" in link.stderr


def test_base_url_unlike_the_last_started_servers_is_mentioned(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = serve("--no-dispatch").address
    monkeypatch.setenv("CLAIMDESK_BASE_URL", "https://desk.example")
    result = run("users", "create", *ANA)
    assert result.stdout.startswith("https://desk.example/sign-in/")
    assert f"the server that was last started says {address}" in result.stderr


def test_confusable_name_is_refused(run: Run) -> None:
    assert run("users", "create", *ANA).exit_code == 0
    for name in ("ana", "ÁNA", "claimdesk"):
        for arguments in (
            ("users", "create", "--email", "b@example.org", "--name", name, "--role", "reader"),
            ("keys", "create", "--name", name, "--role", "reader"),
        ):
            refusal = run(*arguments)
            assert (refusal.exit_code, refusal.stdout) == (1, "")
            assert "choose another name" in refusal.stderr
    own = ("keys", "create", "--name", "Ana", "--role", "checker", "--user", "ana@example.org")
    assert run(*own).exit_code == 0


def test_second_user_with_one_address_is_refused(run: Run) -> None:
    assert run("users", "create", *ANA).exit_code == 0
    second_run = run("users", "create", *ANA)
    assert second_run.exit_code == 1
    assert second_run.stderr == "error: There is a user with the address ana@example.org already.\n"
    assert second_run.stdout == ""


def test_password_is_read_from_standard_input(run: Run, run_json: RunJson) -> None:
    run("users", "create", *ANA, "--password-stdin", stdin="correct horse battery\n")
    assert run_json("users", "list")[0]["has_password"]
    short = run("users", "password", "ana@example.org", "--stdin", stdin="short\n")
    assert (short.exit_code, short.stdout) == (2, "")
    typed_twice = "another horse battery\nanother horse battery\n"
    twice = run("users", "password", "ana@example.org", stdin=typed_twice)
    assert (twice.exit_code, twice.stdout) == (2, ""), "no form can send two lines"
    result = run("users", "password", "ana@example.org", stdin="another horse battery\n")
    assert result.exit_code == 0
    assert "horse" not in result.output


def test_disabled_user_gets_no_link_until_enabled(run: Run, run_json: RunJson) -> None:
    run("users", "create", *ANA)
    assert run("users", "disable", "ana@example.org").exit_code == 0
    assert run_json("users", "list")[0]["disabled_at"]
    assert run("users", "link", "ana@example.org").exit_code == 1
    assert run("users", "enable", "ana@example.org").exit_code == 0
    assert run("users", "link", "ana@example.org").exit_code == 0


def test_last_administrator_cannot_be_disabled(run: Run) -> None:
    run("users", "create", "--email", "a@b", "--name", "A", "--role", "admin")
    refusal = run("users", "disable", "a@b")
    assert refusal.exit_code == 1
    assert "last administrator" in refusal.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--email", "no address", "--name", "A", "--role", "reader"),
        ("--email", f"{'a' * 250}@b.org", "--name", "A", "--role", "reader"),
        ("--email", "a@b", "--name", " ", "--role", "reader"),
        ("--email", "a@b", "--name", "A" * 121, "--role", "reader"),
        ("--email", "a@b", "--name", "A", "--role", "owner"),
        ("--email", "a@b", "--name", "A"),
    ],
)
def test_invalid_option_is_a_usage_error(
    run: Run, run_json: RunJson, arguments: tuple[str, ...]
) -> None:
    refusal = run("users", "create", *arguments)
    assert (refusal.exit_code, refusal.stdout) == (2, "")
    assert run_json("users", "list") == []


def test_lists_in_a_pipe_are_tab_separated(run: Run) -> None:
    run("users", "create", *ANA)
    heading, line = run("users", "list").stdout.splitlines()
    assert heading.split("\t")[:3] == ["email", "name", "role"]
    assert line.split("\t")[:3] == ["ana@example.org", "Ana", "checker"]
