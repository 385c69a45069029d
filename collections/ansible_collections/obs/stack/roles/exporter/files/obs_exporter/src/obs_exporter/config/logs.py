# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module of kind log is told, and what it counts unless told otherwise."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from obs_exporter.config.kinds import Common
from obs_exporter.config.metrics import LineMetric, PathRule, Strict
from obs_exporter.config.values import Duration, Pattern, Size, Text

COMBINED = (
    r"(?P<remote_addr>\S+) \S+ (?P<remote_user>\S+) \[(?P<time>[^\]]*)\] "
    r'"(?P<method>[A-Za-z]+) (?P<path>[^ ?"]*)[^"]*" (?P<status>\d{3}) (?P<bytes_sent>\d+|-)'
)
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"])
DERIVED = ("method", "endpoint", "status")


class App(Strict):
    """What app_info says."""

    version: Text
    environment: Text


class Connections(Strict):
    """Where app_active_connections comes from: nginx's stub_status, or the sockets of a local port."""

    url: str | None = Field(None, description="Page of nginx's stub_status.", pattern=r"^https?://[^@]+$")
    port: int | None = Field(None, ge=1, le=65535, description="Local TCP port whose established connections count.")

    @model_validator(mode="after")
    def _one(self) -> Connections:
        if (self.url is None) == (self.port is None):
            raise ValueError("url or port, one of them")
        return self


class Log(Common):
    """Files that are followed, their lines counted."""

    kind: Literal["log"]
    paths: list[str] = Field(min_length=1, description="Files by absolute path, with * and ?.")
    format: Literal["nginx_json", "combined", "json", "regex"] = "nginx_json"
    regex: Pattern | None = Field(None, description="For format regex: named groups are the fields.")
    metrics: list[LineMetric] = Field([], description="Default: app_requests_total, app_request_duration_seconds.")
    path_rules: list[PathRule] = Field([], description="What `endpoint` is, first match; others are `other`.")
    start: Literal["beginning", "end"] = Field("beginning", description="Where a file is begun that was there first.")
    app: App | None = Field(None, description="Adds app_info.")
    connections: Connections | None = Field(None, description="Adds app_active_connections.")
    poll: Duration = Field(0.25, description="How often files are looked at.", gt=0, le=60)
    save: Duration = Field(1.0, description="How often position and counters are written, and so shown.", ge=0, le=60)
    max_line: Size = Field(65_536, description="Longer lines are counted and skipped.")
    max_files: int = Field(100, ge=1, le=10_000)

    @field_validator("paths")
    @classmethod
    def _absolute(cls, paths: list[str]) -> list[str]:
        for path in paths:
            if not path.startswith("/") or "\0" in path:
                raise ValueError(f"{path!r} is no absolute path")
        return paths

    @model_validator(mode="after")
    def _complete(self) -> Log:
        if (self.format == "regex") != (self.regex is not None):
            raise ValueError("regex and format: regex come together")
        if self.format in ("json", "regex") and not self.metrics:
            raise ValueError(f"format {self.format} needs metrics")
        if self.interval or self.max_age is not None:
            raise ValueError("a log is followed, not collected: leave interval and max_age out")
        known = self.known_fields()
        for metric in self.metrics:
            used = [*metric.labels.values(), *metric.match, metric.value, metric.exemplar]
            for field in used:
                if field is not None and known is not None and field not in known:
                    raise ValueError(f"{metric.name}: no field {field!r}; there are {', '.join(sorted(known))}")
        return self

    def pattern(self) -> re.Pattern[str] | None:
        """What takes a line apart; None for JSON."""
        text = COMBINED if self.format == "combined" else self.regex
        return re.compile(text) if text is not None else None

    def known_fields(self) -> set[str] | None:
        """Names of fields, or None where any may be."""
        pattern = self.pattern()
        if pattern is None:
            return None
        return {*pattern.groupindex, *(["endpoint"] if "path" in pattern.groupindex else [])}

    def effective_metrics(self) -> list[LineMetric]:
        """The metrics that are told, or those that an application gets from its access log alone."""
        if self.metrics:
            return self.metrics
        labels = {"method": "method", "endpoint": "endpoint", "status": "status"}
        requests = LineMetric(
            name="app_requests_total",
            type="counter",
            help="Requests answered, by the access log.",
            labels=labels,
            exemplar="trace_id" if self.format == "nginx_json" else None,
        )
        if self.format != "nginx_json":
            return [requests]
        duration = LineMetric(
            name="app_request_duration_seconds",
            type="histogram",
            value="request_time",
            exemplar="trace_id",
            help="How long requests took, by the access log.",
            labels=labels,
        )
        return [requests, duration]
