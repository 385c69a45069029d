"""Loki."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="loki", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"
WRITES = 'route=~"otlp_v1_logs|loki_api_v1_push"'
READS = 'route=~"loki_api_v1_.+", route!="loki_api_v1_push"'


def _time(routes: str, by: str) -> str:
    return f"histogram_quantile(0.99, sum by ({by}, le) (rate(loki_request_duration_seconds_bucket{{{M}, {routes}}}[{R}])))"


def _by_status(title: str, description: str, routes: str) -> look.Panel:
    """Requests of some routes by how they were answered."""
    asked = f"sum by (status_code) (rate(loki_request_duration_seconds_count{{{M}, {routes}}}[{R}]))"
    return look.lines(title, description, ask.prom(asked, "{{status_code}}"), unit="reqps")


BOARD = look.Board(
    uid="obs-loki",
    folder="Platform",
    title="Loki",
    question="Are log lines taken in, kept, found again and deleted in time?",
    variables=[
        ask.metrics_source(),
        ask.logs_source(),
        ask.site("loki_build_info"),
        ask.instance('loki_build_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat("Up", "Members that answer.", ask.value(f"sum(up{{{M}}})"), steps=look.ALL_IS_GOOD),
                look.stat(
                    "Members not active",
                    "Members of the ring in another state than ACTIVE.",
                    ask.value(f'sum(loki_ring_members{{{M}, name="ingester", state!="ACTIVE"}})'),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Lines",
                    "Taken in each second.",
                    ask.value(f"sum(rate(loki_distributor_lines_received_total{{{M}}}[{R}]))"),
                    unit="cps",
                ),
                look.stat(
                    "Bytes",
                    "Taken in each second.",
                    ask.value(f"sum(rate(loki_distributor_bytes_received_total{{{M}}}[{R}]))"),
                    unit="Bps",
                ),
                look.stat("Streams", "In memory.", ask.value(f"sum(loki_ingester_memory_streams{{{M}}})")),
                look.stat(
                    "Last retention",
                    "Time since lines that are too old were last looked for.",
                    ask.value(
                        f"time() - max(loki_compactor_apply_retention_last_successful_run_timestamp_seconds{{{M}}} > 0)"
                    ),
                    unit="s",
                    steps=((None, look.GREEN), (24 * 3600, look.RED)),
                ),
            ],
        ),
        look.Row(
            "Writes",
            [
                look.lines(
                    "Lines taken in",
                    "By instance.",
                    ask.prom(
                        f"sum by (instance) (rate(loki_distributor_lines_received_total{{{M}}}[{R}]))", "{{instance}}"
                    ),
                    unit="cps",
                ),
                look.lines(
                    "Lines refused",
                    "By reason: limits of rate, streams, labels, or lines too old.",
                    ask.prom(f"sum by (reason) (rate(loki_discarded_samples_total{{{M}}}[{R}]))", "{{reason}}"),
                    unit="cps",
                    steps=look.NONE_IS_GOOD,
                ),
                _by_status("Writes by status", "Pushes by what came of them.", WRITES),
                look.lines(
                    "Time of a write",
                    "99th percentile.",
                    ask.prom(_time(WRITES, "route"), "{{route}}"),
                    unit="s",
                ),
                look.lines(
                    "Streams and chunks in memory",
                    "Many streams with few lines each are what makes Loki slow.",
                    ask.prom(f"sum by (instance) (loki_ingester_memory_streams{{{M}}})", "streams {{instance}}"),
                    ask.prom(f"sum by (instance) (loki_ingester_memory_chunks{{{M}}})", "chunks {{instance}}"),
                ),
                look.lines(
                    "Chunks flushed",
                    "To the bucket or folder, and those that failed.",
                    ask.prom(
                        f"sum by (instance) (rate(loki_ingester_chunks_flush_requests_total{{{M}}}[{R}]))",
                        "flushed {{instance}}",
                    ),
                    ask.prom(
                        f"sum by (instance) (rate(loki_ingester_chunks_flush_failures_total{{{M}}}[{R}]))",
                        "failed {{instance}}",
                    ),
                    unit="cps",
                ),
            ],
        ),
        look.Row(
            "Reads",
            [
                _by_status("Reads by status", "Queries by what came of them.", READS),
                look.lines(
                    "Time of a read",
                    "99th percentile by kind.",
                    ask.prom(_time(READS, "route"), "{{route}}"),
                    unit="s",
                ),
                look.lines(
                    "Waiting",
                    "Queries that are at work or wait for a querier.",
                    ask.prom(f"sum by (instance) (loki_query_frontend_queries_in_progress{{{M}}})", "{{instance}}"),
                ),
                look.lines(
                    "Rules that failed",
                    "Recording and alert rules on logs.",
                    ask.prom(
                        f"sum by (instance) (rate(loki_prometheus_rule_evaluation_failures_total{{{M}}}[{R}]))",
                        "failed {{instance}}",
                    ),
                    ask.prom(
                        f"sum by (instance) (rate(loki_prometheus_rule_evaluations_total{{{M}}}[{R}]))",
                        "all {{instance}}",
                    ),
                    unit="cps",
                ),
            ],
        ),
        look.Row(
            "Members and disk",
            [
                look.lines(
                    "Ring",
                    "Members by ring and state, as each of them sees it.",
                    ask.prom(f"max by (name, state) (loki_ring_members{{{M}}} > 0)", "{{name}} {{state}}"),
                ),
                look.lines(
                    "Write-ahead log",
                    "Bytes written to it.",
                    ask.prom(
                        f"sum by (instance) (rate(loki_ingester_wal_logged_bytes_total{{{M}}}[{R}]))", "{{instance}}"
                    ),
                    unit="Bps",
                ),
                look.lines(
                    "Memory",
                    "Resident memory.",
                    ask.prom(f"process_resident_memory_bytes{{{M}}}", "{{instance}}"),
                    unit="bytes",
                ),
                look.lines(
                    "Errors it tells itself",
                    "Lines of its own log by level, and panics.",
                    ask.prom(
                        f'sum by (level) (rate(loki_log_messages_total{{{M}, level=~"warn|error"}}[{R}]))', "{{level}}"
                    ),
                    ask.prom(f"sum(rate(loki_panic_total{{{M}}}[{R}]))", "panics"),
                    unit="cps",
                    width=12,
                ),
                look.lines(
                    "Lines by service",
                    "As logs are found again, by the service that wrote them.",
                    ask.loki(
                        'topk(10, sum by (service_name) (rate({service_name=~".+"} | site=~"$site" [$__auto])))',
                        "{{service_name}}",
                    ),
                    unit="cps",
                    width=12,
                ),
            ],
        ),
    ],
)
