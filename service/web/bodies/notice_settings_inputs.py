"""What is sent of where and when people are told."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from service.domain.notice_times import MailMode
from service.domain.notices import NoticeKind
from service.domain.webhooks import Format
from service.domain.zones import require_zone
from service.field_types import In
from service.notices import notice_settings
from service.notices.notice_settings import NewChat, NewSettings
from service.web.bodies.webhook_inputs import WebhookUrl
from service.web.fields import LEFT_OUT, show_example

Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


TimeZone = Annotated[
    str, StringConstraints(min_length=1, max_length=64), AfterValidator(require_zone)
]


class KindIn(In):
    """Where notices of a kind go besides the inbox."""

    mail: MailMode = MailMode.OFF
    chat: bool = False


class ChatIn(In):
    """A chat in which you are told: an address of your own there."""

    format: Literal["slack", "mattermost", "teams", "telegram"]
    url: WebhookUrl


class NoticeSettingsIn(In):
    kinds: dict[NoticeKind, KindIn]
    digest_hour: Annotated[int, Field(ge=0, le=23, strict=True)] = notice_settings.DIGEST_HOUR
    time_zone: TimeZone | None = Field(None, description="Left out: that of your account")
    quiet_from: Hour | None = Field(None, description="From when nothing is sent: `22:00`")
    quiet_until: Hour | None = None
    chat: ChatIn | None = LEFT_OUT

    model_config = show_example(
        {
            "kinds": {"approval": {"mail": "at_once"}, "change": {"mail": "digest"}},
            "digest_hour": 7,
            "time_zone": "Europe/Belgrade",
            "quiet_from": "22:00",
            "quiet_until": "06:30",
        }
    )

    @model_validator(mode="after")
    def _has_both_hours(self) -> "NoticeSettingsIn":
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both: quiet_from and quiet_until")
        return self

    @property
    def wants_mail(self) -> bool:
        """Whether anything is to come by mail."""
        return any(choice.mail is not MailMode.OFF for choice in self.kinds.values())

    def to_command(self) -> NewSettings:
        chat = None
        if self.chat is not None:
            chat = NewChat(Format(self.chat.format), self.chat.url)
        return NewSettings(
            kinds={
                kind: {"mail": choice.mail, "chat": choice.chat}
                for kind, choice in self.kinds.items()
            },
            digest_hour=self.digest_hour,
            time_zone=self.time_zone,
            quiet_from=self.quiet_from,
            quiet_until=self.quiet_until,
            changes_chat="chat" in self.model_fields_set,
            chat=chat,
        )
