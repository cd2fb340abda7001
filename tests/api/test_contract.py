"""The document against the specification, and the application against the document."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import openapi_spec_validator
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from service.app import create_app
from service.config import Settings
from service.field_types import In
from service.web.bodies import (
    account_inputs,
    claim_inputs,
    decision_inputs,
    directory_inputs,
    inquiry_inputs,
    statement_inputs,
    webhook_inputs,
)
from tests.support import desk as support
from tests.support.desk import SOURCE, Desk, build_quote, build_statement

METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENT: dict[str, Any] = create_app(
    Settings(database_url="sqlite:///unused.db", log_level="error")
).openapi()
OPERATIONS = [
    (path, method)
    for path, item in DOCUMENT["paths"].items()
    for method in METHODS
    if method in item
]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
# Not switched on: negative_data_rejection and positive_data_acceptance.  A schema cannot say that a
# party has to exist, and JSON's "1" and true for a boolean are taken on purpose.
LEFT_OUT = {
    ("/v1/session", "post"): "ten tries a minute, each as slow as argon2: test_sign_in.py",
    ("/v1/events/stream", "get"): "it does not end: tests/live/test_stream.py",
}
PERSONAL = {"/v1/inbox", "/v1/follows", "/v1/me/feeds", "/v1/me/notices"}
"""What a key that belongs to nobody has nothing of."""
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES = 8


def get_operation(path: str, method: str) -> dict[str, Any]:
    paths: dict[str, Any] = DOCUMENT["paths"][path][method]
    return paths


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_the_server_refuses_before_any_operation_is_documented(path: str, method: str) -> None:
    """Its limits of addresses and heads, slow bodies, and cursors of a record that was replaced."""
    operation = get_operation(path, method)
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    statuses = {"414", "431"}
    statuses |= {"408"} if "requestBody" in operation else set()
    statuses |= {"410"} if "cursor" in names else set()
    assert statuses - set(operation["responses"]) == set()


def test_sign_in_needs_no_authentication_in_the_document() -> None:
    assert get_operation("/v1/session", "post")["security"] == []


def test_the_document_keeps_to_the_specification() -> None:
    """It is valid OpenAPI 3.1; each operation has a name of its own that generated clients can call
    it by."""
    openapi_spec_validator.validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")
    operation_ids = [get_operation(*each)["operationId"] for each in OPERATIONS]
    assert len(set(operation_ids)) == len(operation_ids)
    for name in operation_ids:
        assert re.fullmatch("[a-z]+(_[a-z]+)+", name), name


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_says_what_it_does_and_refuses(path: str, method: str) -> None:
    """A summary, a success, problems for every refusal, security, and no empty description."""
    operation = get_operation(path, method)
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["tags"]
    assert any(status.startswith("2") for status in operation["responses"])
    for status, answer in operation["responses"].items():
        assert answer["description"], status
        if status.startswith(("4", "5")):
            assert answer["content"].keys() == {"application/problem+json"}
        elif status in ("200", "201", "202", "2XX"):
            assert answer["content"], status
    for parameter in operation.get("parameters", []):
        assert parameter["schema"], parameter["name"]
        assert {"type": "null"} not in parameter["schema"].get("anyOf", []), parameter["name"]
        if parameter["in"] != "path":
            assert parameter.get("description"), parameter["name"]
    served_to_all = path in ("/healthz", "/readyz")
    signs_in = (path, method) == ("/v1/session", "post")
    assert bool(operation["security"]) != (served_to_all or signs_in)
    if not served_to_all:
        assert {"401", "403", "422", "429"} <= operation["responses"].keys()
    headers = {
        each["name"].lower() for each in operation.get("parameters", []) if each["in"] == "header"
    }
    assert ("idempotency-key" in headers) == (method == "post" and path != "/v1/session")
    assert ("if-match" in headers) == ("412" in operation["responses"])
    needs_match = any(
        each.get("required") and each["name"] == "if-match"
        for each in operation.get("parameters", [])
    )
    assert needs_match == ("428" in operation["responses"])


def test_every_example_of_the_document_is_accepted() -> None:
    """What the reference shows as a body is a body that is accepted."""
    example_count = 0
    for module in (
        account_inputs,
        claim_inputs,
        decision_inputs,
        directory_inputs,
        inquiry_inputs,
        statement_inputs,
        webhook_inputs,
    ):
        for name, model in vars(module).items():
            if isinstance(model, type) and issubclass(model, In) and name != "In":
                extra = model.model_config.get("json_schema_extra") or {}
                for example in extra.get("examples", []):  # type: ignore[union-attr]
                    model.model_validate(example)
                    example_count += 1
    assert example_count > 20


async def test_answers_of_a_whole_journey_are_as_documented(desk: Desk) -> None:
    """From parties to a merge."""
    answers: set[tuple[str, str, int]] = set()

    async def check(response: httpx.Response) -> None:
        await response.aread()
        method, path = response.request.method, response.request.url.path
        operation = SCHEMA.find_operation_by_path(method, path)
        assert operation is not None, (method, path)
        operation.validate_response(response)
        answers.add((method, operation.path, response.status_code))

    for client in (desk.reader, desk.checker, desk.editor, desk.admin):
        client.event_hooks = {"response": [check]}
    operation = await fill(desk)
    claim, into = operation["claim_id"], operation["into"]
    any_version = {"If-Match": "*"}
    approval = f"/v1/decisions/{operation['decision_id']}/approval"
    await desk.editor.post(approval, json={"note": "seen"})
    denial = await desk.link_statement(
        claim, "contradicts", "pristina", basis="documents", note="no"
    )
    await desk.change_status(claim, "disputed", cites=[denial["id"]])
    aside = [{"link": denial["id"], "reason": "from September"}]
    await desk.change_status(claim, "confirmed", cites=[operation["link_id"]], set_aside=aside)
    override = {"code": "deadline", "note": "seen by two of ours", "source": SOURCE}
    proposal = await desk.change_status(claim, "confirmed", client=desk.editor, override=override)
    withdrawal = f"/v1/decisions/{proposal.json()['id']}/withdrawal"
    await desk.editor.post(withdrawal, json={"reason": "too early"})
    note = await desk.checker.post(f"/v1/claims/{claim}/notes", json={"text": "call them"})
    await desk.checker.patch(f"/v1/notes/{note.json()['id']}", json={"text": "call NATO"})
    inquiry = f"/v1/inquiries/{operation['inquiry_id']}"
    await desk.checker.patch(inquiry, json={"outcome": "declined", "note": "no comment"})
    await desk.record_claim(part_of=claim)
    change = {"tags": ["troops"], "assignee": operation["user"]}
    await desk.checker.patch(f"/v1/claims/{claim}", json=change, headers=any_version)
    finding = {"finding": "refuted", "reason": "counted again", "cites": [denial["id"]]}
    waiting = await desk.checker.post(f"/v1/claims/{claim}/findings", json=finding)
    approval_path = f"/v1/decisions/{waiting.json()['id']}/approval"
    assert (await desk.editor.post(approval_path)).status_code == 200
    rewording = {"text": "Better written", "material": False}
    proposal = await desk.checker.patch(f"/v1/claims/{claim}", json=rewording, headers=any_version)
    assert proposal.status_code == 202
    statement = operation["statement_id"]
    await desk.checker.post(f"/v1/statements/{statement}/quotes", json=build_quote())
    taken_back = {"reason": "denied", "source": {"url": "https://example.org/denied"}}
    await desk.checker.post(f"/v1/statements/{statement}/withdrawal", json=taken_back)
    retraction = f"/v1/links/{denial['id']}/retraction"
    await desk.checker.post(retraction, json={"reason": "misread"})
    await desk.editor.patch("/v1/parties/nato", json={"name": "Nato", "country": "BE"})
    await desk.editor.patch("/v1/stories/border", json={"description": "…"})
    view = {"name": "Disputed", "query": "status=disputed", "shared": True}
    tokens = {}
    for kind, filters in (("mine", {"follows": True}), ("shared", {"story": "border"})):
        url = (await desk.editor.post("/v1/me/feeds", json=filters)).json()["url"]
        assert f"/feeds/{kind}/" in url
        tokens[kind] = url.rpartition("/")[2].partition(".")[0]
    operation["view_id"] = (await desk.editor.post("/v1/views", json=view)).json()["id"]
    await desk.editor.patch(f"/v1/views/{operation['view_id']}", json={"name": "In dispute"})
    await desk.editor.patch(f"/v1/speakers/{operation['speaker_id']}", json={"role": "spokesman"})
    await desk.admin.patch(f"/v1/users/{operation['user']}", json={"disabled": True})
    webhook = f"/v1/webhooks/{operation['webhook_id']}"
    delivery = f"{webhook}/deliveries/{operation['delivery_id']}"
    for place, body in (
        (f"{webhook}/secret/rotation", {"overlap_hours": 1}),
        (f"{webhook}/state", {"state": "paused"}),
        (f"{webhook}/state", {"state": "active"}),
        (f"{delivery}/redelivery", {}),
        (f"{webhook}/recovery", {"since": "2023-10-01T00:00:00Z"}),
    ):
        assert (await desk.admin.post(place, json=body)).status_code < 300
    await desk.admin.patch("/v1/policy", json={"four_eyes": True})
    await desk.admin.patch(webhook, json={"parties": ["nato"], "story": "border"})
    merging = f"/v1/claims/{claim}/merge"
    await desk.checker.post(merging, json={"into": into}, headers=any_version)
    await desk.admin.delete(f"/v1/keys/{operation['key_id']}")
    for path, method in OPERATIONS:
        if method == "get" and (path, method) not in LEFT_OUT:
            client = desk.editor if path in PERSONAL else desk.admin
            await client.get(
                path.format(
                    **operation,
                    slug="border" if "stories" in path else "nato",
                    token=tokens["shared" if "/shared/" in path else "mine"],
                ),
                params={"url": operation["address"]} if path == "/oembed" else None,
            )
    await desk.reader.get(f"/v1/claims/{into}?expand=links")
    await desk.reader.get(f"/v1/claims/{into}", headers={"If-None-Match": "*"})
    operations = {(method, path) for method, path, status in answers if status < 400}
    assert operations >= {
        (method.upper(), path)
        for path, method in OPERATIONS
        if method in ("get", "patch") and (path, method) not in LEFT_OUT
    }
    assert {status for _, _, status in answers} >= {200, 201, 202, 304, 308}
    assert (await desk.admin.delete(webhook)).status_code == 204


class Server:
    """A desk on a loop of its own, for tests that are not asynchronous."""

    def __init__(self, runner: asyncio.Runner, desk: Desk, values: dict[str, Any]) -> None:
        self.runner = runner
        self.desk = desk
        self.known = values
        self.now = desk.clock.now

    def send(self, request: requests.PreparedRequest) -> httpx.Response:
        client = self.desk.admin
        body = request.body
        assert body is None or isinstance(body, str | bytes)
        # However many requests there were: what waits to be sent is not overdue.
        self.desk.clock.now = self.now
        return self.runner.run(
            client.request(
                request.method or "GET",
                request.url or "/",
                content=body.encode() if isinstance(body, str) else body,
                headers=[
                    (name.encode(), value if isinstance(value, bytes) else value.encode())
                    for name, value in request.headers.items()
                    if name.lower() not in ("authorization", "content-length", "cookie")
                ],
            )
        )


async def fill(desk: Desk) -> dict[str, Any]:
    """One of each thing, and what names it in a path or body."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim, other = await desk.record_claim(story="border"), await desk.record_claim()
    link = await desk.link_statement(claim["id"], "supports", "nato")
    statement = await desk.post("/v1/statements", build_statement("washington"))
    person = {"name": "Matthew Miller", "party": "washington"}
    speaker = await desk.post("/v1/speakers", person)
    source = await desk.post("/v1/sources", {"url": "https://example.org/1"})
    decision = await desk.change_status(claim["id"], "confirmed", cites=[link["id"]])
    inquiry = {"party": "nato", "way": "telephone", "until": "2023-10-03T16:00:00Z"}
    inquiry = await desk.post(f"/v1/claims/{claim['id']}/inquiries", inquiry)
    use = await desk.post(f"/v1/claims/{claim['id']}/uses", {"where": "Page one"})
    user = await desk.admin.post(
        "/v1/users", json={"email": "a@example.org", "name": "A", "role": "reader"}
    )
    key = await desk.admin.post("/v1/keys", json={"name": "K", "role": "reader"})
    url = "http://127.0.0.1:9/hook"
    webhook = (await desk.admin.post("/v1/webhooks", json={"url": url})).json()["id"]
    ping = await desk.admin.post(f"/v1/webhooks/{webhook}/ping")
    return {
        "webhook_id": webhook,
        "delivery_id": ping.json()["id"],
        "url": url,
        "address": f"{desk.settings.base_url}/claims/{claim['id']}",
        "claim": claim["id"],
        "parties": ["nato"],
        "claim_id": claim["id"],
        "part_of": claim["id"],
        "into": other["id"],
        "link_id": link["id"],
        "inquiry_id": inquiry["id"],
        "use_id": use["id"],
        "statement_id": statement["id"],
        "statement": statement["id"],
        "origin_statement": statement["id"],
        "speaker_id": speaker["id"],
        "speaker": None,
        "source_id": source["id"],
        "source": source["id"],
        "decision_id": decision.json()["id"],
        "user_id": user.json()["id"],
        "user": user.json()["id"],
        "key_id": key.json()["id"],
        "claimant": "belgrade",
        "party": "washington",
        "parent": "nato",
        "story": "border",
        "claimed_at": "2023-10-02T00:00:00Z",
        "said_at": "2023-10-02T00:00:00Z",
        "expires_at": None,
        "cites": [link["id"]],
        "set_aside": [],
    }


@pytest.fixture(scope="module")
def server(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("contract") / "claimdesk.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    server_settings = Settings(
        database_url=f"sqlite:///{path}",
        rate_limit="off",
        log_level="error",
        dispatch="off",
        webhook_allow_http="on",
        webhook_allow_cidrs="127.0.0.0/8",
    )
    with asyncio.Runner() as runner:
        running = support.run_desk(server_settings)
        desk = runner.run(running.__aenter__())
        yield Server(runner, desk, runner.run(fill(desk)))
        runner.run(running.__aexit__(None, None, None))


def put_known(place: Any, values: dict[str, Any]) -> None:
    """Put what exists where something made up stands, so that requests get further than 404."""
    if isinstance(place, dict):
        for name in place.keys() & values.keys():
            place[name] = values[name]
        for name in place.keys() - values.keys():
            put_known(place[name], values)


def list_cases() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every operation, and what does not fit it where anything could not."""
    for path, method in OPERATIONS:
        if (path, method) in LEFT_OUT:
            continue
        yield path, method, GenerationMode.POSITIVE
        if {"parameters", "requestBody"} & get_operation(path, method).keys():
            yield path, method, GenerationMode.NEGATIVE


@pytest.mark.parametrize(("path", "method", "mode"), list(list_cases()), ids=str)
def test_application_answers_any_request_as_documented(
    server: Server, path: str, method: str, mode: GenerationMode
) -> None:
    """Whether it fits the document or not: no internal error, and an answer documented in status,
    content type, headers and shape."""
    fitting = SCHEMA[path][method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=fitting, existing=st.booleans())
    def check(case: schemathesis.Case[Any], existing: bool) -> None:
        if existing:
            put_known(case.path_parameters, server.known)
            if "slug" in (case.path_parameters or {}):
                slug = "border" if "stories" in path else "nato"
                case.path_parameters["slug"] = slug
            put_known(case.body, server.known)
            if path == "/oembed" and case.query:
                case.query["url"] = server.known["address"]
            for name in list(case.headers or {}):
                if name.lower() == "if-match":
                    case.headers[name] = "*"
        arguments = case.as_transport_kwargs(base_url="http://testserver")
        for argument in ("timeout", "verify", "cert", "allow_redirects", "proxies"):
            arguments.pop(argument, None)
        prepared_request = requests.Request(**arguments).prepare()
        response = server.send(prepared_request)
        # 501 is what oEmbed has for a format that is not served.
        is_unserved = path == "/oembed" and response.status_code == 501
        case.validate_response(response, checks=CHECKS[1:] if is_unserved else CHECKS)

    check()
