"""docs/infrastructure.md is true: its settings are settings, its haproxy takes its lines."""

import re
import shlex
import subprocess
from pathlib import Path

from service.cli import shell
from service.config import Settings
from tests.support import programs

PAGE = (Path(__file__).parent.parent.parent / "docs" / "infrastructure.md").read_text()


def find_settings() -> list[tuple[str, str]]:
    """Each `CLAIMDESK_…=…` of the page's shell blocks."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    words = [word for line in blocks.splitlines() for word in shlex.split(line)]
    pairs = (word.partition("=") for word in words if word.startswith("CLAIMDESK_"))
    return [(name, value) for name, _, value in pairs]


def test_documented_settings_are_accepted() -> None:
    """Also addresses of several servers."""
    documented_settings = find_settings()
    assert {name for name, _ in documented_settings} == {
        "CLAIMDESK_DATABASE_URL",
        "CLAIMDESK_DATABASE_DIRECT_URL",
        "CLAIMDESK_DATABASE_READ_URL",
    }
    for name, value in documented_settings:
        field = name.removeprefix("CLAIMDESK_").lower()
        primary = {"database_url": "postgresql://claimdesk@database:5432/claimdesk"}
        settings = Settings.model_validate(primary | {field: value})
        assert getattr(settings, field).get_secret_value() == value
        shell._require_port(value)


def test_documented_haproxy_configuration_is_accepted(tmp_path: Path) -> None:
    """With the timeouts that every configuration of haproxy has."""
    (haproxy,) = programs.require_programs("haproxy")
    (lines,) = re.findall(r"```\n(listen .*?)```", PAGE, re.DOTALL)
    timeouts = "".join(f"  timeout {name} 1m\n" for name in ("connect", "client", "server"))
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"defaults\n{timeouts}{lines}")
    process = subprocess.run(
        [haproxy, "-c", "-f", config], capture_output=True, text=True, timeout=30, check=False
    )
    assert process.returncode == 0, process.stderr


def test_documented_messages_exist() -> None:
    """Operators may search for them."""
    from service.store.failures import RELEASE_REFUSED

    messages = re.findall(r'"(This database was [^"…]*)', PAGE)
    assert len(messages) == 2
    assert all(RELEASE_REFUSED.startswith(words.strip()) for words in messages)
