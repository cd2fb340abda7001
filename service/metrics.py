"""What operators watch, in Prometheus' text format.  Each server process has its own figures."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The registry of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "claimdesk_requests_total",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "claimdesk_request_seconds",
            "Time to answer",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.running = Gauge(
            "claimdesk_requests_running", "Requests being answered", registry=self.registry
        )
        self.streams = Gauge(
            "claimdesk_streams", "Event streams that are open", registry=self.registry
        )
        self.streams_behind = Gauge(
            "claimdesk_streams_behind",
            "Event numbers that the stream furthest behind has yet to come to",
            registry=self.registry,
        )
        self.stream_events = Counter(
            "claimdesk_stream_events_total", "Events sent on streams", registry=self.registry
        )
        self.streams_cut = Counter(
            "claimdesk_streams_cut_total",
            "Streams cut off because their clients took nothing",
            registry=self.registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def count_answer(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer.  Label look-ups cost more than counting, so children are kept."""
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self.requests.labels(method, route, str(status))
            self._counters[method, route, status] = counter
        timer = self._timers.get(route)
        if timer is None:
            timer = self._timers[route] = self.seconds.labels(route)
        counter.inc()
        timer.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
