"""Checks what a person chose of how they are told, against what the desk can send."""

from service.domain.errors import Invalid
from service.web.bodies.notice_settings_inputs import NoticeSettingsIn
from service.web.service_container import Services
from service.webhooks.address_guard import AddressRefused


async def require_reachable(services: Services, body: NoticeSettingsIn) -> None:
    """Raise Invalid for mail where the desk sends none, and for the address of a chat that the
    guard refuses."""
    if body.wants_mail and services.settings.smtp_url is None:
        raise Invalid(
            "this desk sends no mail: ask its operator for CLAIMDESK_SMTP_URL",
            loc=("body", "kinds"),
        )
    if body.chat is not None:
        try:
            await services.guard.check_address(body.chat.url)
        except AddressRefused as refused:
            raise Invalid(str(refused), loc=("body", "chat", "url")) from refused
