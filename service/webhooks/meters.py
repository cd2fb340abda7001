"""The figures of webhooks that operators watch, in a Prometheus registry."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 600, 3600, 86_400)


@dataclass(frozen=True, slots=True)
class Figures:
    """Deliveries and endpoints at an instant; `oldest_due_seconds` is of healthy endpoints."""

    due: int
    in_flight: int
    dead: int
    oldest_due_seconds: float
    endpoints: dict[str, int]
    """Counts by state: active, paused, disabled, and resting (the breaker is open)."""


class Meters:
    """Counters that the dispatcher increments, and gauges of `Figures`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "claimdesk_webhook_attempts_total",
            "Attempts by outcome: delivered, failed, dead, fenced (settled too late)",
            ("outcome",),
            registry=registry,
        )
        self.latency = Histogram(
            "claimdesk_webhook_latency_seconds",
            "From an event to the receiver's 2xx",
            buckets=SECONDS,
            registry=registry,
        )
        self.lost = Counter(
            "claimdesk_webhook_lost_total",
            "Deliveries given up because their workers died with them",
            registry=registry,
        )
        self.turn = Histogram(
            "claimdesk_webhook_turn_seconds",
            "Time of one transaction that settles and leases",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
            registry=registry,
        )
        self.due = Gauge("claimdesk_webhook_due", "Deliveries due now", registry=registry)
        self.in_flight = Gauge(
            "claimdesk_webhook_in_flight", "Deliveries leased now", registry=registry
        )
        self.dead = Gauge("claimdesk_webhook_dead", "Deliveries given up", registry=registry)
        self.oldest = Gauge(
            "claimdesk_webhook_oldest_due_seconds",
            "Age of the oldest due delivery of an endpoint in health",
            registry=registry,
        )
        self.endpoints = Gauge(
            "claimdesk_webhook_endpoints",
            "Endpoints: active, paused, disabled; resting: the breaker is open",
            ("state",),
            registry=registry,
        )
        for outcome in ("delivered", "failed", "dead", "fenced"):
            self.attempts.labels(outcome)

    def set_gauges(self, figures: Figures) -> None:
        """Set the gauges to these figures."""
        self.due.set(figures.due)
        self.in_flight.set(figures.in_flight)
        self.dead.set(figures.dead)
        self.oldest.set(figures.oldest_due_seconds)
        for state, count in figures.endpoints.items():
            self.endpoints.labels(state).set(count)
