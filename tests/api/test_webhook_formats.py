"""Webhooks for people, from outside: chats, whose addresses may hold secrets."""

from service.domain.webhooks import Format
from service.webhooks.address_guard import AddressGuard
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Outgoing
from tests.api.problems import require_problem
from tests.api.test_webhooks import LOOPBACK, register
from tests.support.desk import Desk
from tests.webhooks import chat_services, receivers
from tests.webhooks.board import Board


async def test_token_of_a_bot_is_shown_nowhere(desk: Desk) -> None:
    """Neither to administrators, nor in deliveries, attempts, the audit or its page; it is used."""
    token, chat = "123456:AAHdqTcvCH1vGWJx", "/sendMessage?chat_id=-1001"
    async with receivers.run_receiver(chat_services.build_service(Format.TELEGRAM)) as there:
        base = f"http://127.0.0.1:{there.port}/bot"
        webhook_view = await register(desk, url=f"{base}{token}{chat}", format="telegram")
        assert (webhook_view["format"], webhook_view["url"]) == ("telegram", f"{base}***{chat}")
        place = f"/v1/webhooks/{webhook_view['id']}"
        change = await desk.admin.patch(
            place, json={"url": webhook_view["url"], "description": "Chat"}
        )
        assert change.json()["url"] == webhook_view["url"]
        board = Board(desk.database)
        assert (await board.read_webhook(webhook_view["id"])).credentials == token
        delivery = (await desk.admin.post(f"{place}/ping")).json()["id"]
        board.now = desk.clock.now
        (lease,) = await board.lease_deliveries()
        sender = Sender(AddressGuard(allow_http=True, allow_cidrs=[LOOPBACK]), desk.clock)
        answer = await sender.send(
            Outgoing(
                endpoint=lease.webhook,
                url=lease.url,
                headers=lease.headers,
                secrets=lease.secrets,
                message=lease.message,
                body=lease.body,
                timeout=lease.timeout,
                format=lease.format,
                credentials=lease.credentials,
            )
        )
        await sender.close()
        assert answer.delivered, answer
        await board.settle_attempts(
            board.build_attempt(lease, answer.status, response_body=answer.response_body)
        )
    assert there.requests[0].startswith(f"POST /bot{token}/sendMessage HTTP/1.1".encode())
    for path in (place, f"{place}/deliveries/{delivery}", "/v1/webhooks", "/v1/audit"):
        page = await desk.admin.get(path)
        assert page.status_code == 200, page.text
        assert token not in page.text
        assert token.partition(":")[2] not in page.text
    for url in (f"{base}{chat}", f"http://127.0.0.2/bot***{chat}", f"{base}{token}/x"):
        refusal = await desk.admin.patch(place, json={"url": url})
        assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "url"]
    refusal = await desk.admin.patch(place, json={"format": "slack"})
    assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "url"]
    slack = {"format": "slack", "url": "http://127.0.0.1:9/services/x"}
    view = (await desk.admin.patch(place, json=slack)).json()
    assert {name: view[name] for name in slack} == slack
    assert (await board.read_webhook(webhook_view["id"])).credentials is None


async def test_mail_is_registered_by_its_address(desk: Desk) -> None:
    webhook_view = await register(desk, url="mailto:desk@news.example", format="email")
    assert (webhook_view["format"], webhook_view["url"]) == ("email", "mailto:desk@news.example")
    for settings in (
        {"format": "email", "url": "https://127.0.0.1/hook"},
        {"format": "email", "url": "mailto:a@news.example,b@news.example"},
        {"format": "standard", "url": "mailto:desk@news.example"},
        {"format": "email", "url": "mailto:desk@news.example?bcc=b@news.example"},
    ):
        refusal = await desk.admin.post("/v1/webhooks", json=settings)
        assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "url"]
    headers = {"format": "email", "url": "mailto:desk@news.example", "headers": {"X-Own": "1"}}
    refusal = await desk.admin.post("/v1/webhooks", json=headers)
    assert require_problem(refusal, "invalid-request")["errors"][0]["loc"] == ["body", "headers"]
