"""What operators are told of a replica: in `/readyz`, and in the metrics."""

from collections.abc import Callable

from prometheus_client import Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from service.metrics import Metrics
from service.store.engine import Database
from service.store.replica import Replica

TOO_FAR = "It is too far behind, or that is not known."


def describe_replica(database: Database) -> dict[str, object]:
    """Describe the replica for `/readyz`; nothing where there is none."""
    replica = database.replica
    if replica is None:
        return {}
    seconds = replica.seconds_behind
    description: dict[str, object] = {
        "is_used": replica.is_used,
        "seconds_behind": None if seconds is None else round(seconds, 1),
        "bytes_behind": replica.bytes_behind,
    }
    if not replica.is_used:
        description["problem"] = replica.problem or TOO_FAR
    return {"replica": description}


def register_figures(metrics: Metrics, database: Database) -> None:
    """Add the figures of the replica, which is known once the database was started."""

    def read(figure: Callable[[Replica], float | None]) -> Callable[[], float]:
        def measure() -> float:
            value = None if database.replica is None else figure(database.replica)
            return float("nan") if value is None else float(value)

        return measure

    for name, text, figure in (
        ("used", "Whether the replica is used: 1 or 0", lambda replica: replica.is_used),
        (
            "seconds_behind",
            "Age of the replica's state, at most",
            lambda replica: replica.seconds_behind,
        ),
        (
            "bytes_behind",
            "Bytes of the log that the replica has yet to replay",
            lambda replica: replica.bytes_behind,
        ),
    ):
        gauge = Gauge(f"claimdesk_replica_{name}", text, registry=metrics.registry)
        gauge.set_function(read(figure))
    metrics.registry.register(_Counts(database))


class _Counts(Collector):
    """How often the replica was chosen, and how often a read went on at the primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> list[CounterMetricFamily]:
        replica = self._database.replica
        return [
            CounterMetricFamily(
                "claimdesk_replica_requests",
                "Requests that the replica was chosen for",
                value=0 if replica is None else replica.requests,
            ),
            CounterMetricFamily(
                "claimdesk_replica_fallbacks",
                "Reads that failed at the replica and went on at the primary",
                value=0 if replica is None else replica.fallbacks,
            ),
        ]
