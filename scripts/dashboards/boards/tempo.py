"""Tempo."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="tempo", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"

BOARD = look.Board(
    uid="obs-tempo",
    folder="Platform",
    title="Tempo",
    question="Are spans taken in, kept, found again and turned into metrics?",
    variables=[
        ask.metrics_source(),
        ask.traces_source(),
        ask.site("tempo_build_info"),
        ask.instance('tempo_build_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat("Up", "Instances that answer.", ask.value(f"sum(up{{{M}}})"), steps=look.ALL_IS_GOOD),
                look.stat(
                    "Spans",
                    "Taken in each second.",
                    ask.value(f"sum(rate(tempo_distributor_spans_received_total{{{M}}}[{R}]))"),
                    unit="cps",
                ),
                look.stat(
                    "Bytes",
                    "Taken in each second.",
                    ask.value(f"sum(rate(tempo_distributor_bytes_received_total{{{M}}}[{R}]))"),
                    unit="Bps",
                ),
                look.stat(
                    "Spans dropped",
                    "In the last hour, by any limit. Tempo drops after it has said yes.",
                    ask.value(f"sum(increase(tempo_discarded_spans_total{{{M}}}[1h])) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                    decimals=0,
                ),
                look.stat("Blocks", "Blocks in the bucket.", ask.value(f"max(tempodb_blocklist_length{{{M}}})")),
                look.stat(
                    "Services traced",
                    "Services that have sent spans, by the metrics that Tempo makes of them.",
                    ask.value('count(count by (service) (traces_spanmetrics_calls_total{site=~"$site"}))'),
                ),
            ],
        ),
        look.Row(
            "Writes",
            [
                look.lines(
                    "Spans taken in",
                    "By instance.",
                    ask.prom(
                        f"sum by (instance) (rate(tempo_distributor_spans_received_total{{{M}}}[{R}]))", "{{instance}}"
                    ),
                    unit="cps",
                ),
                look.lines(
                    "Spans refused or dropped",
                    "Refused at the door, and dropped by a limit afterwards, by reason.",
                    ask.prom(f"sum by (reason) (rate(tempo_discarded_spans_total{{{M}}}[{R}]))", "{{reason}}"),
                    ask.prom(f'sum(rate({{__name__=~"tempo_receiver_refused_spans(_total)?", {M}}}[{R}]))', "refused"),
                    unit="cps",
                ),
                look.lines(
                    "Live traces",
                    "Traces that are not yet in a block.",
                    ask.prom(f"sum by (instance) (tempo_live_store_live_traces{{{M}}})", "{{instance}}"),
                ),
                look.lines(
                    "Time to take a batch",
                    "99th percentile.",
                    ask.prom(
                        f"histogram_quantile(0.99, sum by (le) (rate(tempo_distributor_push_duration_seconds_bucket{{{M}}}[{R}])))",
                        "push",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Blocks completed",
                    "And those that could not be.",
                    ask.prom(f"sum(rate(tempo_live_store_blocks_completed_total{{{M}}}[{R}]))", "completed"),
                    ask.prom(f"sum(rate(tempo_live_store_failed_completions_total{{{M}}}[{R}]))", "failed"),
                    unit="cps",
                ),
                look.lines(
                    "Metrics made of spans",
                    "Active series of the generator, and spans that came too late for it.",
                    ask.prom(f"sum(tempo_metrics_generator_registry_active_series{{{M}}})", "series"),
                    ask.prom(
                        f"sum(rate(tempo_metrics_generator_spans_discarded_total{{{M}}}[{R}]))",
                        "spans too late, each second",
                    ),
                ),
            ],
        ),
        look.Row(
            "Reads",
            [
                look.lines(
                    "Requests",
                    "By kind and status.",
                    ask.prom(
                        f'sum by (route, status_code) (rate(tempo_request_duration_seconds_count{{{M}, route=~"api_.+"}}[{R}]))',
                        "{{route}} {{status_code}}",
                    ),
                    unit="reqps",
                ),
                look.lines(
                    "Time of a request",
                    "99th percentile by kind.",
                    ask.prom(
                        "histogram_quantile(0.99, sum by (route, le)"
                        f' (rate(tempo_request_duration_seconds_bucket{{{M}, route=~"api_.+"}}[{R}])))',
                        "{{route}}",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Bucket",
                    "Time of requests to it, 99th percentile.",
                    ask.prom(
                        "histogram_quantile(0.99, sum by (operation, le)"
                        f" (rate(tempodb_backend_request_duration_seconds_bucket{{{M}}}[{R}])))",
                        "{{operation}}",
                    ),
                    unit="s",
                ),
            ],
        ),
        look.Row(
            "Keeping",
            [
                look.lines(
                    "Blocks in the bucket",
                    "By tenant.",
                    ask.prom(f"max by (tenant) (tempodb_blocklist_length{{{M}}})", "{{tenant}}"),
                ),
                look.lines(
                    "Deleted for their age",
                    "Blocks in an hour.",
                    ask.prom(f"sum(increase(tempodb_retention_deleted_total{{{M}}}[1h]))", "deleted"),
                ),
                look.lines(
                    "What failed",
                    "Looks into the bucket, compactions, retention, in an hour.",
                    ask.prom(f"sum(increase(tempodb_blocklist_poll_errors_total{{{M}}}[1h]))", "looks into the bucket"),
                    ask.prom(f"sum(increase(tempodb_compaction_errors_total{{{M}}}[1h]))", "compactions"),
                    ask.prom(f"sum(increase(tempodb_retention_errors_total{{{M}}}[1h]))", "retention"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.trace_list(
                    "Slow traces", "Traces of more than a second within the time range.", "{ duration > 1s }"
                ),
            ],
        ),
    ],
)
