"""`claimdesk config`: the settings as they are in effect."""

from typing import Any

from service.cli import shell


def show(as_json: shell.AsJson = False) -> None:
    """Show every setting: its variable, what is in effect, and the default where that differs."""
    rows = effective()
    if as_json:
        shell.print_json(rows)
        return
    shell.print_table(
        ("variable", "value", "default", "meaning"),
        [
            {
                "variable": row["variable"],
                "value": _written(row["value"]),
                "default": _written(row["default"]) if row["changed"] else "",
                "meaning": row["meaning"],
            }
            for row in rows
        ],
        empty="",
    )


def effective() -> list[dict[str, Any]]:
    """One line for each setting, secrets masked."""
    from service.config import Settings

    settings = shell.settings()
    return [
        {
            "variable": f"{shell.PREFIX}{name.upper()}",
            "value": _shown(getattr(settings, name)),
            "default": _shown(field.get_default(call_default_factory=True)),
            "changed": getattr(settings, name) != field.get_default(call_default_factory=True),
            "meaning": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: Any) -> Any:
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return shell.masked(secret) if "://" in secret else "***" if secret else ""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [_shown(part) for part in value] if isinstance(value, list | tuple) else str(value)


def _written(value: Any) -> str:
    """As one would set it."""
    if isinstance(value, bool) or value is None:
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
