"""Every route against every role: who may call it, and what they do not get to see."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from service.app import create_app
from service.config import Settings
from service.domain.access import PERMISSIONS, Action, Role
from service.web.calls import Allow
from tests.api.problems import NOBODY, nothing_changes, require_problem
from tests.desk import pages
from tests.desk.pages import OPEN, SIGNED_IN
from tests.support import desk as support
from tests.support.desk import SOURCE, Desk

ROUTES: dict[tuple[str, str], Action | str] = {
    ("GET", "/v1/claims"): Action.READ_CLAIMS,
    ("POST", "/v1/claims"): Action.RECORD,
    ("GET", "/v1/claims/{claim_id}"): Action.READ_CLAIMS,
    ("PATCH", "/v1/claims/{claim_id}"): Action.AMEND,
    ("GET", "/v1/claims/{claim_id}/links"): Action.READ_CLAIMS,
    ("POST", "/v1/claims/{claim_id}/links"): Action.RECORD,
    ("GET", "/v1/claims/{claim_id}/findings"): Action.READ_CLAIMS,
    ("POST", "/v1/claims/{claim_id}/findings"): Action.CHANGE_STATUS,
    ("GET", "/v1/claims/{claim_id}/status-changes"): Action.READ_CLAIMS,
    ("POST", "/v1/claims/{claim_id}/status-changes"): Action.CHANGE_STATUS,
    ("GET", "/v1/claims/{claim_id}/suggestion"): Action.READ_CLAIMS,
    ("GET", "/v1/claims/{claim_id}/history"): Action.READ_CLAIMS,
    ("GET", "/v1/claims/{claim_id}/claimreview"): Action.READ_CLAIMS,
    ("GET", "/v1/claims/{claim_id}/badge.svg"): Action.READ_CLAIMS,
    ("GET", "/oembed"): Action.READ_CLAIMS,
    ("GET", "/feeds/claims.atom"): Action.READ_CLAIMS,
    ("GET", "/feeds/claims.json"): Action.READ_CLAIMS,
    ("GET", "/feeds/corrections.atom"): Action.READ_CLAIMS,
    ("GET", "/feeds/corrections.json"): Action.READ_CLAIMS,
    ("GET", "/feeds/stories/{slug}.atom"): Action.READ_CLAIMS,
    ("GET", "/feeds/stories/{slug}.json"): Action.READ_CLAIMS,
    ("GET", "/v1/claims/{claim_id}/similar"): Action.READ_CLAIMS,
    ("POST", "/v1/claims/{claim_id}/merge"): Action.AMEND,
    ("POST", "/v1/claims/{claim_id}/withdrawal"): Action.AMEND,
    ("PUT", "/v1/claims/{claim_id}/hold"): Action.HOLD,
    ("DELETE", "/v1/claims/{claim_id}/hold"): Action.HOLD,
    ("GET", "/v1/claims/{claim_id}/uses"): Action.READ_RECORDS,
    ("POST", "/v1/claims/{claim_id}/uses"): Action.RECORD_USE,
    ("GET", "/v1/corrections"): Action.READ_CLAIMS,
    ("GET", "/v1/uses"): Action.READ_RECORDS,
    ("GET", "/v1/uses/{use_id}"): Action.READ_RECORDS,
    ("POST", "/v1/uses/{use_id}/acknowledgement"): Action.RECORD_USE,
    ("DELETE", "/v1/uses/{use_id}/contact"): Action.RECORD_USE,
    ("POST", "/v1/uses/{use_id}/retirement"): Action.RECORD_USE,
    ("POST", "/v1/claims/{claim_id}/void"): Action.REVERSE,
    ("POST", "/v1/claims/{claim_id}/restoration"): Action.REVERSE,
    ("POST", "/v1/claims/{claim_id}/reinstatement"): Action.REVERSE,
    ("POST", "/v1/claims/{claim_id}/separation"): Action.REVERSE,
    ("GET", "/v1/claims/{claim_id}/inquiries"): Action.READ_CLAIMS,
    ("POST", "/v1/claims/{claim_id}/inquiries"): Action.RECORD,
    ("GET", "/v1/inquiries/{inquiry_id}"): Action.READ_CLAIMS,
    ("PATCH", "/v1/inquiries/{inquiry_id}"): Action.RECORD,
    ("GET", "/v1/claims/{claim_id}/notes"): Action.READ_INTERNALS,
    ("POST", "/v1/claims/{claim_id}/notes"): Action.RECORD,
    ("PATCH", "/v1/notes/{note_id}"): Action.RECORD,
    ("GET", "/v1/statements"): Action.READ_RECORDS,
    ("POST", "/v1/statements"): Action.RECORD,
    ("GET", "/v1/statements/{statement_id}"): Action.READ_RECORDS,
    ("POST", "/v1/statements/{statement_id}/quotes"): Action.RECORD,
    ("POST", "/v1/statements/{statement_id}/withdrawal"): Action.RECORD,
    ("POST", "/v1/claims/{claim_id}/corrections"): Action.REVERSE,
    ("GET", "/v1/claims/{claim_id}/corrections"): Action.READ_CLAIMS,
    ("POST", "/v1/statements/{statement_id}/corrections"): Action.REVERSE,
    ("GET", "/v1/statements/{statement_id}/corrections"): Action.READ_RECORDS,
    ("POST", "/v1/sources/{source_id}/corrections"): Action.REVERSE,
    ("GET", "/v1/sources/{source_id}/corrections"): Action.READ_RECORDS,
    ("POST", "/v1/statements/{statement_id}/void"): Action.REVERSE,
    ("POST", "/v1/statements/{statement_id}/restoration"): Action.REVERSE,
    ("POST", "/v1/statements/{statement_id}/reinstatement"): Action.REVERSE,
    ("POST", "/v1/links/{link_id}/retraction"): Action.RECORD,
    ("POST", "/v1/links/{link_id}/affirmation"): Action.RECORD,
    ("POST", "/v1/links/{link_id}/void"): Action.REVERSE,
    ("POST", "/v1/links/{link_id}/restoration"): Action.REVERSE,
    ("GET", "/v1/decisions"): Action.READ_INTERNALS,
    ("GET", "/v1/decisions/{decision_id}"): Action.READ_INTERNALS,
    ("POST", "/v1/decisions/{decision_id}/approval"): Action.APPROVE,
    ("POST", "/v1/decisions/{decision_id}/rejection"): Action.APPROVE,
    ("POST", "/v1/decisions/{decision_id}/withdrawal"): Action.CHANGE_STATUS,
    ("GET", "/v1/review-queue"): Action.READ_INTERNALS,
    ("GET", "/v1/events"): Action.READ_CLAIMS,
    ("GET", "/v1/events/stream"): Action.READ_CLAIMS,
    ("GET", "/v1/parties"): Action.READ_RECORDS,
    ("POST", "/v1/parties"): Action.RECORD,
    ("GET", "/v1/parties/{slug}"): Action.READ_RECORDS,
    ("PATCH", "/v1/parties/{slug}"): Action.CHANGE_PARTIES,
    ("GET", "/v1/speakers"): Action.READ_RECORDS,
    ("POST", "/v1/speakers"): Action.RECORD,
    ("GET", "/v1/speakers/{speaker_id}"): Action.READ_RECORDS,
    ("PATCH", "/v1/speakers/{speaker_id}"): Action.CHANGE_PARTIES,
    ("GET", "/v1/sources"): Action.READ_RECORDS,
    ("POST", "/v1/sources"): Action.RECORD,
    ("GET", "/v1/sources/{source_id}"): Action.READ_RECORDS,
    ("POST", "/v1/parties/{slug}/merge"): Action.MERGE_DIRECTORY,
    ("POST", "/v1/parties/{slug}/separation"): Action.MERGE_DIRECTORY,
    ("POST", "/v1/speakers/{speaker_id}/merge"): Action.MERGE_DIRECTORY,
    ("POST", "/v1/speakers/{speaker_id}/separation"): Action.MERGE_DIRECTORY,
    ("POST", "/v1/sources/{source_id}/merge"): Action.MERGE_DIRECTORY,
    ("POST", "/v1/sources/{source_id}/separation"): Action.MERGE_DIRECTORY,
    ("GET", "/v1/stories"): Action.READ_CLAIMS,
    ("POST", "/v1/stories"): Action.RECORD,
    ("GET", "/v1/stories/{slug}"): Action.READ_CLAIMS,
    ("PATCH", "/v1/stories/{slug}"): Action.CHANGE_PARTIES,
    ("GET", "/v1/stories/{slug}/matrix"): Action.READ_CLAIMS,
    ("GET", "/v1/stories/{slug}/timeline"): Action.READ_CLAIMS,
    ("GET", "/v1/me"): SIGNED_IN,
    ("GET", "/v1/me/notices"): SIGNED_IN,
    ("PUT", "/v1/me/notices"): SIGNED_IN,
    ("GET", "/v1/me/feeds"): SIGNED_IN,
    ("POST", "/v1/me/feeds"): SIGNED_IN,
    ("DELETE", "/v1/me/feeds/{feed_id}"): SIGNED_IN,
    ("GET", "/feeds/mine/{token}.atom"): OPEN,
    ("GET", "/feeds/mine/{token}.json"): OPEN,
    ("GET", "/feeds/shared/{token}.atom"): OPEN,
    ("GET", "/feeds/shared/{token}.json"): OPEN,
    ("POST", "/v1/claims/bulk"): Action.AMEND,
    ("GET", "/v1/views"): SIGNED_IN,
    ("POST", "/v1/views"): SIGNED_IN,
    ("GET", "/v1/views/{view_id}"): SIGNED_IN,
    ("PATCH", "/v1/views/{view_id}"): SIGNED_IN,
    ("DELETE", "/v1/views/{view_id}"): SIGNED_IN,
    ("GET", "/v1/follows"): SIGNED_IN,
    ("POST", "/v1/follows"): SIGNED_IN,
    ("DELETE", "/v1/follows/{follow_id}"): SIGNED_IN,
    ("GET", "/v1/inbox"): SIGNED_IN,
    ("POST", "/v1/inbox/read"): SIGNED_IN,
    ("POST", "/v1/session"): OPEN,
    ("DELETE", "/v1/session"): SIGNED_IN,
    ("GET", "/v1/keys"): Action.MANAGE_KEYS,
    ("POST", "/v1/keys"): Action.MANAGE_KEYS,
    ("GET", "/v1/keys/{key_id}"): Action.MANAGE_KEYS,
    ("POST", "/v1/keys/{key_id}/revocation"): Action.MANAGE_KEYS,
    ("DELETE", "/v1/keys/{key_id}"): Action.MANAGE_KEYS,
    ("GET", "/v1/users"): Action.MANAGE_USERS,
    ("POST", "/v1/users"): Action.MANAGE_USERS,
    ("GET", "/v1/users/{user_id}"): Action.MANAGE_USERS,
    ("PATCH", "/v1/users/{user_id}"): Action.MANAGE_USERS,
    ("GET", "/v1/policy"): Action.READ_RECORDS,
    ("PATCH", "/v1/policy"): Action.MANAGE_POLICY,
    ("GET", "/v1/audit"): Action.MANAGE_USERS,
    ("GET", "/v1/webhooks"): Action.MANAGE_WEBHOOKS,
    ("POST", "/v1/webhooks"): Action.MANAGE_WEBHOOKS,
    ("GET", "/v1/webhooks/{webhook_id}"): Action.MANAGE_WEBHOOKS,
    ("PATCH", "/v1/webhooks/{webhook_id}"): Action.MANAGE_WEBHOOKS,
    ("DELETE", "/v1/webhooks/{webhook_id}"): Action.MANAGE_WEBHOOKS,
    ("GET", "/v1/webhooks/{webhook_id}/secret"): Action.MANAGE_WEBHOOKS,
    ("POST", "/v1/webhooks/{webhook_id}/secret/rotation"): Action.MANAGE_WEBHOOKS,
    ("POST", "/v1/webhooks/{webhook_id}/state"): Action.MANAGE_WEBHOOKS,
    ("POST", "/v1/webhooks/{webhook_id}/ping"): Action.MANAGE_WEBHOOKS,
    ("POST", "/v1/webhooks/{webhook_id}/recovery"): Action.MANAGE_WEBHOOKS,
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): Action.MANAGE_WEBHOOKS,
    ("GET", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}"): Action.MANAGE_WEBHOOKS,
    (
        "POST",
        "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redelivery",
    ): Action.MANAGE_WEBHOOKS,
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): Action.READ_METRICS,
    ("GET", "/problems/{slug}"): OPEN,
    ("GET", "/docs"): OPEN,
    ("GET", "/docs/style.css"): OPEN,
    ("GET", "/openapi.json"): OPEN,
}
"""Who may call what of the API.  A new route has to be entered here, or in tests/desk/pages.py."""

ENDLESS = {"/v1/events/stream"}
"""Asked with HEAD, which ends; what it shows to whom is in tests/live/test_stream.py."""

IDS = dict.fromkeys(
    (
        "claim_id",
        "statement_id",
        "link_id",
        "decision_id",
        "inquiry_id",
        "use_id",
        "note_id",
        "follow_id",
        "view_id",
    ),
    NOBODY,
)
PLACES = IDS | {
    "speaker_id": NOBODY,
    "source_id": NOBODY,
    "user_id": NOBODY,
    "webhook_id": NOBODY,
    "delivery_id": NOBODY,
    "feed_id": NOBODY,
    "token": "not-a-token",
    "key_id": "abcdefghijkm",
    "slug": "nobody",
}


def is_allowed(rule: Action | str, role: Role | None, *, public_read: bool = False) -> bool:
    if rule == OPEN:
        return True
    if rule == SIGNED_IN:
        return role is not None
    assert isinstance(rule, Action)
    if role is None:
        return public_read and rule is Action.READ_CLAIMS
    return role in PERMISSIONS[rule]


@pytest.fixture
def routes() -> dict[tuple[str, str], Any]:
    """Every route of the application by method and path."""
    app = create_app(Settings(database_url="sqlite:///unused.db", log_level="error"))
    routes_by_key: dict[tuple[str, str], Any] = {}
    for route in iter_route_contexts(app.routes):
        assert route.path is not None
        for method in route.methods or ():
            assert (method, route.path) not in routes_by_key, "two routes for one method and path"
            routes_by_key[method, route.path] = route
    in_document = {
        (method.upper(), path)
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert in_document <= routes_by_key.keys()
    return routes_by_key


def test_every_route_has_its_rule(routes: dict[tuple[str, str], Any]) -> None:
    """Each route requires what the table says, by its dependency, and no other route is served."""
    rules_by_key = {}
    for key, route in routes.items():
        rules = [
            SIGNED_IN if dependency.call.action is None else dependency.call.action
            for dependency in route.dependant.dependencies
            if isinstance(dependency.call, Allow)
        ]
        assert len(rules) <= 1, f"{key} is ruled twice"
        rules_by_key[key] = rules[0] if rules else OPEN
    assert rules_by_key == ROUTES | pages.ROUTES, (
        "list it in ROUTES, or pages in tests/desk/pages.py"
    )


@pytest.fixture(params=[False, True], ids=["keys only", "public reading"])
async def desk(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk that is closed to the public, and one that lets it read."""
    async with support.run_desk(settings.model_copy(update={"public_read": request.param})) as desk:
        yield desk


async def test_every_route_admits_only_the_roles_of_the_table(desk: Desk) -> None:
    """A caller whose role the table does not name gets 401 or 403 before anything is looked at,
    every other caller gets past that; a refusal writes nothing."""
    callers = {role: getattr(desk, role.value) for role in Role} | {None: desk.public}
    async with nothing_changes(desk):
        for (method, path), rule in ROUTES.items():
            url = path.format(**PLACES)
            for role, client in callers.items():
                body: dict[str, Any] | None = None if method == "GET" else {}
                method_sent = "HEAD" if path in ENDLESS else method
                response = await client.request(method_sent, url, json=body)
                summary = (method, url, role, response.status_code, response.text[:200])
                assert response.status_code < 500, summary
                public_read = desk.settings.public_read and method == "GET"
                if is_allowed(rule, role, public_read=public_read):
                    assert response.status_code not in (401, 403), summary
                elif path in ENDLESS:
                    assert response.status_code == (401 if role is None else 403), summary
                elif role is None:
                    require_problem(response, "not-authenticated")
                    assert response.headers["WWW-Authenticate"].startswith("Bearer "), summary
                else:
                    assert "one of the roles" in require_problem(response, "forbidden")["detail"], (
                        summary
                    )


async def test_head_needs_the_same_role_as_get(desk: Desk) -> None:
    """HEAD is no way around the rule of GET."""
    for (method, path), rule in ROUTES.items():
        if method != "GET" or not isinstance(rule, Action):
            continue
        url = path.format(**PLACES)
        for client in (desk.public, desk.reader):
            head = await client.head(url)
            if path in ENDLESS and head.status_code == 200:
                continue
            get = await client.get(url)
            assert head.status_code == get.status_code, url
            assert head.content == b""


async def record_secretive_claim(desk: Desk) -> tuple[str, list[str], list[str]]:
    """A claim about which the desk knows more than it says: its id, what readers are not told, and
    what the public is not told besides."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    user = await desk.admin.post(
        "/v1/users", json={"email": "ana@example.org", "name": "Ana Anić", "role": "checker"}
    )
    assignee = user.json()["id"]
    version = (await desk.read_claim(claim))["version"]
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim}",
        json={"assignee": assignee, "tags": ["troops"]},
        headers={"If-Match": f'"{version}"'},
    )
    assert amendment.json()["assignee"] == assignee
    await desk.post(f"/v1/claims/{claim}/notes", {"text": "NOTE-of-the-desk"})
    inquiry = {"party": "nato", "whom": "WHOM-exactly", "way": "WAY-of-asking"}
    inquiry |= {"until": "2023-10-03T16:00:00Z", "note": "NOTE-on-asking"}
    await desk.post(f"/v1/claims/{claim}/inquiries", inquiry)
    link = (await desk.link_statement(claim, "supports", "nato"))["id"]
    for step, body in (
        ("rejection", {"comment": "COMMENT-of-rejection"}),
        ("withdrawal", {"reason": "REASON-of-withdrawal"}),
    ):
        proposal = await desk.change_status(
            claim, "confirmed", cites=[link], reason=f"DRAFT-before-{step}"
        )
        client = desk.editor if step == "rejection" else desk.checker
        settlement = await client.post(f"/v1/decisions/{proposal.json()['id']}/{step}", json=body)
        assert settlement.status_code == 200, settlement.text
    proposal = await desk.change_status(claim, "confirmed", cites=[link], reason="as NATO says")
    approval = await desk.editor.post(
        f"/v1/decisions/{proposal.json()['id']}/approval", json={"note": "APPROVAL-note"}
    )
    assert approval.status_code == 200
    withheld = [
        assignee,
        "Ana",
        "NOTE-of-the-desk",
        "WHOM-exactly",
        "WAY-of-asking",
        "NOTE-on-asking",
        "COMMENT-of-rejection",
        "REASON-of-withdrawal",
        "DRAFT-before-",
        # The hash of the key is not even for administrators.
        "secret",
    ]
    people = [key.split("_")[1] for key in desk.keys.values()]
    return claim, withheld, [*people, '"checker"', '"editor"', "APPROVAL-note"]


async def test_no_answer_for_outsiders_holds_internals(desk: Desk) -> None:
    """Readers see no assignee, note or draft of a decision; the public sees no names of the desk
    either."""
    claim, withheld, staff = await record_secretive_claim(desk)
    (inquiry,) = (await desk.checker.get(f"/v1/claims/{claim}/inquiries")).json()["items"]
    places = PLACES | {"claim_id": claim, "slug": "border", "inquiry_id": inquiry["id"]}
    urls = [
        path.format(**places)
        for (method, path), rule in ROUTES.items()
        if (method, rule) == ("GET", Action.READ_CLAIMS) and path not in ENDLESS
    ]
    address = f"{desk.settings.base_url}/claims/{claim}"
    urls[urls.index("/oembed")] += f"?url={address}"
    now = desk.clock.now.isoformat().replace("+", "%2B")
    urls += [
        f"/oembed?format=xml&url={address}",
        f"/feeds/claims.atom?as_of={now}",
        f"/feeds/stories/border.json?as_of={now}",
        f"/v1/claims/{claim}/claimreview?as_of={now}",
        f"/v1/claims/{claim}?expand=links",
        f"/v1/claims/{claim}?expand=links&as_of={now}",
        f"/v1/claims/{claim}/links?as_of={now}",
        f"/v1/claims?as_of={now}",
        f"/v1/claims?as_of={now}&tag=troops",
    ]
    texts = "".join([(await desk.checker.get(url)).text for url in urls])
    for secret in (withheld[0], "DRAFT-before-", "COMMENT-of-rejection", "WHOM-exactly"):
        assert secret in texts, "the desk itself sees it, so the test can fail"
    for client, hidden_texts in ((desk.reader, withheld), (desk.public, withheld + staff)):
        for url in urls:
            response = await client.get(url)
            if client is desk.public and not desk.settings.public_read:
                assert response.status_code == 401
                continue
            assert response.status_code == 200, url
            for secret in hidden_texts:
                assert secret not in response.text, (url, secret)


async def test_filter_by_assignee_is_refused_to_outsiders(desk: Desk) -> None:
    """Otherwise they could ask whether a claim is assigned to somebody."""
    await record_secretive_claim(desk)
    for assignee in ("me", NOBODY):
        response = await desk.reader.get("/v1/claims", params={"assignee": assignee})
        require_problem(response, "forbidden")
        require_problem(
            await desk.public.get("/v1/claims", params={"assignee": assignee}), "not-authenticated"
        )


async def test_override_needs_an_editor(desk: Desk) -> None:
    """A checker may not decide against the guards, nor approve or reject that."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    override = {"code": "deadline", "note": "Two reporters were there.", "source": SOURCE}
    require_problem(await desk.change_status(claim, "confirmed", override=override), "forbidden")
    proposal = await desk.change_status(claim, "confirmed", client=desk.editor, override=override)
    assert proposal.status_code == 202
    url = f"/v1/decisions/{proposal.json()['id']}"
    async with nothing_changes(desk):
        require_problem(await desk.checker.post(f"{url}/approval"), "forbidden")
        require_problem(
            await desk.checker.post(f"{url}/rejection", json={"comment": "no"}), "forbidden"
        )
        require_problem(await desk.editor.post(f"{url}/approval"), "second-person-needed")
        require_problem(await desk.editor2.post(f"{url}/withdrawal"), "second-person-needed")
    assert (await desk.editor2.post(f"{url}/approval")).status_code == 200
    assert (await desk.read_claim(claim))["override"] is True
