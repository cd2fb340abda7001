"""How long the tests of faults and of several machines take: seconds, or `make faults` and
`make scale`; and the tables that these print."""

import os

IS_LONG = os.environ.get("CLAIMDESK_FAULTS") == "long"
ROUNDS = int(os.environ.get("CLAIMDESK_SCALE_ROUNDS", "10"))
"""How many failovers the long form has."""

TABLES: list[str] = []
"""What tests measured; printed at the end of the run that has them."""


def add_table(title: str, *rows: str) -> None:
    TABLES.append("\n".join(["", title, *rows]))
