# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exporter's metrics of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)

from obs_exporter import __version__


class Own:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no types
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        module = ["module"]
        build = Gauge("obs_exporter_build_info", "Version that runs; 1.", ["version"], registry=registry)
        build.labels(__version__).set(1)
        self.reload_ok = Gauge(
            "obs_exporter_config_last_reload_successful",
            "Whether the last reading of the configuration went well.",
            registry=registry,
        )
        self.reload_time = Gauge(
            "obs_exporter_config_last_reload_success_timestamp_seconds",
            "When a configuration was taken last.",
            registry=registry,
        )
        self.success = Gauge(
            "obs_exporter_collection_success",
            "Whether the module's last collection went well.",
            module,
            registry=registry,
        )
        self.collections = Counter(
            "obs_exporter_collections", "Collections by how they ended.", ["module", "result"], registry=registry
        )
        self.duration = Summary(
            "obs_exporter_collection_duration_seconds", "How long collections took.", module, registry=registry
        )
        self.age = Gauge(
            "obs_exporter_collection_age_seconds",
            "Age of what is served of a module; since the start where there is nothing yet.",
            module,
            registry=registry,
        )
        self.max_age = Gauge(
            "obs_exporter_collection_max_age_seconds",
            "Age beyond which nothing of a module is served that is collected beside scrapes.",
            module,
            registry=registry,
        )
        self.series = Gauge(
            "obs_exporter_series", "Series of the module's last good collection.", module, registry=registry
        )
        self.dropped = Counter(
            "obs_exporter_series_dropped",
            "Series, of logs observations, that were left out, by reason.",
            ["module", "reason"],
            registry=registry,
        )
        self.requests = Counter(
            "obs_exporter_http_requests", "Requests answered.", ["handler", "code"], registry=registry
        )
        self.log_lines = Counter(
            "obs_exporter_log_lines",
            "Lines read: matched, unmatched or too_long.",
            ["module", "result"],
            registry=registry,
        )
        self.log_bytes = Counter("obs_exporter_log_read_bytes", "Bytes of lines read.", module, registry=registry)
        self.log_files = Gauge("obs_exporter_log_files", "Files that are followed.", module, registry=registry)
        self.log_behind = Gauge(
            "obs_exporter_log_behind_bytes", "Bytes written and not read yet.", module, registry=registry
        )
        self.log_events = Counter(
            "obs_exporter_log_file_changes",
            "Files rotated, truncated, or lost with lines unread.",
            ["module", "change"],
            registry=registry,
        )
        self.log_saved = Gauge(
            "obs_exporter_log_state_saved",
            "Whether position and counters could be written last time.",
            module,
            registry=registry,
        )
        self._told: dict[tuple[str, str, str], int] = {}

    def read_config(self, good: bool) -> None:
        """A configuration was read."""
        self.reload_ok.set(1 if good else 0)
        if good:
            self.reload_time.set(time.time())

    def drop(self, module: str, reasons: Mapping[str, int]) -> None:
        """Count what was left out."""
        for reason, count in reasons.items():
            self.dropped.labels(module, reason).inc(count)

    def raise_to(self, counter: Counter, module: str, value: int, label: str = "") -> None:
        """Let a counter follow a number that somebody else counts."""
        key = (counter._name, module, label)
        before = self._told.get(key, 0)
        child = counter.labels(module, label) if label else counter.labels(module)
        if value > before:
            child.inc(value - before)
        self._told[key] = max(value, before) if value >= before else value

    def forget(self, module: str) -> None:
        """A module is no more: nor are its series."""
        one = (
            self.success,
            self.duration,
            self.age,
            self.max_age,
            self.series,
            self.log_bytes,
            self.log_files,
            self.log_behind,
            self.log_saved,
            self.collections,
            self.dropped,
            self.log_lines,
            self.log_events,
        )
        for metric in one:
            metric.remove_by_labels({"module": module})
        self._told = {key: value for key, value in self._told.items() if key[1] != module}
