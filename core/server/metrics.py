"""Prometheus metrics; labels are names of models and statuses only, so their number is known."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from unbraid.core.server.service import Service

#: Label of what is no model: health, metadata, pages, and names nobody knows.
OTHER = "-"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)


class Metrics:
    """Counts what a server does; each server has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("unbraid_requests", "Answered requests.", ("model", "status"), registry=self.registry)
        self._seconds = Histogram(
            "unbraid_request_seconds", "From headers to answer.", ("model",), buckets=_SECONDS, registry=self.registry
        )
        self._rows = Histogram(
            "unbraid_batch_rows", "Rows that ran together.", ("graph",), buckets=_ROWS, registry=self.registry
        )
        self._batched = Counter(
            "unbraid_batched_requests", "Requests whose rows ran, by graph.", ("graph",), registry=self.registry
        )

    def request(self, model: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(model, str(status)).inc()
        self._seconds.labels(model).observe(seconds)

    def batch(self, graph: str, requests: int, rows: int) -> None:
        """Count a batch."""
        self._rows.labels(graph).observe(rows)
        self._batched.labels(graph).inc(requests)

    def watch(self, service: "Service") -> None:
        """Read the gauges off a service whenever somebody asks."""
        for name, text, read in (
            ("running", "Requests for inference inside the server.", lambda: service.running),
            ("waiting", "Runs of graphs that wait for a thread.", lambda: service.engine.waiting),
            ("body_bytes", "Bytes of request bodies held.", lambda: service.buffers.held),
        ):
            Gauge(f"unbraid_{name}", text, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Write them in the text format of Prometheus."""
        return generate_latest(self.registry)
