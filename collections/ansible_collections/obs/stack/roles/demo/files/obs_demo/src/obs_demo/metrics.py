# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application's metrics. Names and labels are its contract with rules and dashboards."""

from __future__ import annotations

import prometheus_client
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Histogram, Info

from obs_demo import __version__

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests and their durations (seconds), by method and route template, never by path."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests", "Requests answered.", ["method", "endpoint", "status"], registry=self.registry
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer a request.",
            ["method", "endpoint"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        Info("app", "The application.", registry=self.registry).info({"version": __version__, "name": "obs_demo"})
        for collector in (
            prometheus_client.ProcessCollector,
            prometheus_client.PlatformCollector,
            prometheus_client.GCCollector,
        ):
            collector(registry=self.registry)

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; the exemplar of its bucket leads to its trace, if it has one that is kept."""
        context = trace.get_current_span().get_span_context()
        exemplar = {"trace_id": format(context.trace_id, "032x")} if context.trace_flags.sampled else None
        self.requests.labels(method, endpoint, str(status)).inc(exemplar=exemplar)
        self.duration.labels(method, endpoint).observe(seconds, exemplar=exemplar)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """(body, content type) in the format the scraper asks for: only OpenMetrics has exemplars."""
        encoder, content_type = prometheus_client.exposition.choose_encoder(accept)
        return encoder(self.registry), content_type
