"""A webhook as its form shows it: blank, as it is, or as it was typed."""

from typing import TypedDict

from service.desk.layout.forms import Form
from service.domain.webhooks import IN_FLIGHT, TIMEOUT_S, EventType, Format, Ordering
from service.webhooks.webhook_views import WebhookView


class TypedWebhook(TypedDict):
    """An endpoint as its form shows it: what was typed."""

    url: str
    format: str
    description: str
    event_types: list[str]
    story: str
    claim: str
    parties: str
    status_from: list[str]
    status_to: list[str]
    kinds: list[str]
    severity: list[str]
    tags: str
    languages: str
    without_quotes: bool
    ordering: str
    max_in_flight: str
    timeout_s: str
    headers: str


BLANK: TypedWebhook = {
    "url": "",
    "format": Format.STANDARD.value,
    "description": "",
    "event_types": [EventType.CLAIM_STATUS_CHANGED.value],
    "story": "",
    "claim": "",
    "parties": "",
    "status_from": [],
    "status_to": [],
    "kinds": [],
    "severity": [],
    "tags": "",
    "languages": "",
    "without_quotes": False,
    "ordering": Ordering.CLAIM.value,
    "max_in_flight": str(IN_FLIGHT),
    "timeout_s": str(TIMEOUT_S),
    "headers": "",
}
"""Most receivers want changes of status, and nothing else."""


def split_list(text: str | None) -> list[str]:
    """Split what stands between commas."""
    return [entry.strip() for entry in (text or "").split(",") if entry.strip()]


def read_typed(form: Form) -> TypedWebhook:
    """Return what was typed, to be shown again."""
    return {
        "url": form.get_text("url") or "",
        "format": form.get_text("format") or "",
        "description": form.get_text("description") or "",
        "event_types": form.get_texts("event_types"),
        "story": form.get_text("story") or "",
        "claim": form.get_text("claim") or "",
        "parties": form.get_text("parties") or "",
        "status_from": form.get_texts("status_from"),
        "status_to": form.get_texts("status_to"),
        "kinds": form.get_texts("kinds"),
        "severity": form.get_texts("severity"),
        "tags": form.get_text("tags") or "",
        "languages": form.get_text("languages") or "",
        "without_quotes": form.is_ticked("without_quotes"),
        "ordering": Ordering.CLAIM.value if form.is_ticked("ordering") else Ordering.NONE.value,
        "max_in_flight": form.get_text("max_in_flight") or "",
        "timeout_s": form.get_text("timeout_s") or "",
        "headers": form.get_text("headers") or "",
    }


def show_as_typed(webhook: WebhookView) -> TypedWebhook:
    """Return an endpoint as its form shows it."""
    return {
        "url": webhook["url"],
        "format": webhook["format"],
        "description": webhook["description"] or "",
        "event_types": webhook["event_types"],
        "story": webhook["story"] or "",
        "claim": webhook["claim"] or "",
        "parties": ", ".join(webhook["parties"]),
        "status_from": [*webhook["status_from"]],
        "status_to": [*webhook["status_to"]],
        "kinds": [*webhook["kinds"]],
        "severity": [*webhook["severity"]],
        "tags": ", ".join(webhook["tags"]),
        "languages": ", ".join(webhook["languages"]),
        "without_quotes": not webhook["payload"]["quotes"],
        "ordering": webhook["ordering"],
        "max_in_flight": str(webhook["max_in_flight"]),
        "timeout_s": f"{webhook['timeout_s']:g}",
        "headers": "\n".join(f"{name}: {value}" for name, value in webhook["headers"].items()),
    }
