"""Checks that the address of an endpoint is one of its format, and keeps its secrets apart.

A broker's user and password and a bot's token are stored beside the address, which has `***` in
their place: what is stored, shown and logged of it can tell nobody.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from service.domain.errors import Invalid
from service.domain.webhooks import Format
from service.webhooks import broker_addresses, formats, telegram_messages

LOC_URL = ("body", "url")


def split_credentials(values: Mapping[str, Any], row: Row[Any] | None) -> dict[str, Any]:
    """Move what the address keeps to itself to `credentials`.  `***` stands for what an endpoint
    has, while its place stays.  Raises Invalid."""
    format = Format(values["format"] if row is None else values.get("format", row.format))
    if "url" not in values:
        if row is not None and row.credentials is not None and format != row.format:
            raise Invalid("write the address anew for another format", loc=LOC_URL)
        return dict(values)
    url, credentials = _split(format, values["url"])
    if credentials == broker_addresses.HIDDEN:
        if row is None or _find_place(format, row.url) != _find_place(format, url):
            raise Invalid(
                "*** stands for what the address before keeps secret: write it anew for another "
                "host",
                loc=LOC_URL,
            )
        credentials = row.credentials
    return {**values, "url": url, "credentials": credentials}


def check_format(values: Mapping[str, Any]) -> None:
    """Check that format, address and headers go together.  Raises Invalid."""
    format = Format(values["format"])
    rules = formats.FORMATS[format]
    if values["url"].partition(":")[0].lower() not in rules.schemes:
        slashes = "" if format is Format.EMAIL else "//"
        ways = " or ".join(f"{scheme}:{slashes}" for scheme in rules.schemes)
        raise Invalid(
            f"the address of a webhook with the format {format} begins with {ways}", loc=LOC_URL
        )
    try:
        rules.check_address(values["url"], values.get("credentials"))
    except ValueError as error:
        raise Invalid(str(error), loc=LOC_URL) from error
    if rules.carrier is not formats.Carrier.HTTP and values["headers"] != "{}":
        raise Invalid(
            "headers go with HTTP only: this format sends none but ours", loc=("body", "headers")
        )


def _split(format: Format, url: str) -> tuple[str, str | None]:
    if format is Format.TELEGRAM:
        return telegram_messages.split_token(url)
    return broker_addresses.split_credentials(url)


def _find_place(format: Format, url: str) -> str:
    """Return the part of an address to which its secrets belong."""
    if format is Format.TELEGRAM:
        match = telegram_messages.PLACE.match(url)
        return match[1].lower() if match else ""
    return broker_addresses.find_place(url)
