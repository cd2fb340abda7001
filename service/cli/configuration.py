"""`claimdesk config`: the settings as they are in effect."""

from typing import Any, TypedDict

from service.cli import shell


def show_settings(as_json: shell.AsJson = False) -> None:
    """Show every setting: its variable, what is in effect, and the default where that differs."""
    rows = list_settings()
    if as_json:
        shell.print_json(rows)
        return
    shell.print_table(
        ("variable", "value", "default", "meaning"),
        [
            {
                "variable": row["variable"],
                "value": _format_value(row["value"]),
                "default": _format_value(row["default"]) if row["changed"] else "",
                "meaning": row["meaning"],
            }
            for row in rows
        ],
        empty="",
    )


class SettingLine(TypedDict):
    variable: str
    value: Any
    default: Any
    changed: bool
    meaning: str | None


def list_settings() -> list[SettingLine]:
    """Return a line for each setting, with secrets masked."""
    from service.config import Settings

    settings = shell.load_settings()
    return [
        {
            "variable": f"{shell.PREFIX}{name.upper()}",
            "value": _convert_value(getattr(settings, name)),
            "default": _convert_value(field.get_default(call_default_factory=True)),
            "changed": getattr(settings, name) != field.get_default(call_default_factory=True),
            "meaning": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def _convert_value(value: Any) -> Any:
    """Return a setting's value as JSON, with secrets masked."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return shell.mask_password(secret) if "://" in secret else "***" if secret else ""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return (
        [_convert_value(part) for part in value] if isinstance(value, list | tuple) else str(value)
    )


def _format_value(value: Any) -> str:
    """Return a value as it is set in a variable."""
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
