"""Collectors."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job=~"otelcol|otelcol-agent", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"
SIGNALS = "spans|metric_points|log_records"


def _rate(name: str, by: str) -> str:
    """Whether a counter's name ends in _total depends on how the collector's own metrics are configured."""
    return f'sum by ({by}) (rate({{__name__=~"otelcol_{name}(_total)?", {M}}}[{R}]))'


def _flow(title: str, metric: str, by: str) -> look.Panel:
    """How much of a signal passes each receiver or exporter."""
    return look.lines(
        title, f"By {by}.", ask.prom(_rate(metric, f"instance, {by}"), f"{{{{instance}}}} {{{{{by}}}}}"), unit="cps"
    )


BOARD = look.Board(
    uid="obs-otelcol",
    folder="Platform",
    title="Collectors",
    question="Does what applications and hosts send get through, or does it wait or get lost?",
    variables=[
        ask.metrics_source(),
        ask.site('up{job=~"otelcol|otelcol-agent"}'),
        ask.instance('up{job=~"otelcol|otelcol-agent", site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Down",
                    "Collectors that do not answer.",
                    ask.value(f"count(up{{{M}}} == 0) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Refused",
                    "Items refused each second, because of memory or a full queue; senders try again.",
                    ask.value(
                        f'sum(rate({{__name__=~"otelcol_receiver_refused_({SIGNALS})(_total)?", {M}}}[{R}])) or vector(0)'
                    ),
                    unit="cps",
                    steps=((None, look.GREEN), (0.001, look.RED)),
                ),
                look.stat(
                    "Lost",
                    "Items given up each second.",
                    ask.value(
                        f'sum(rate({{__name__=~"otelcol_exporter_send_failed_({SIGNALS})(_total)?", {M}}}[{R}])) or vector(0)'
                    ),
                    unit="cps",
                    steps=((None, look.GREEN), (0.001, look.RED)),
                ),
                look.stat(
                    "Fullest queue",
                    "Share of the fullest queue.",
                    ask.value(f"max(otelcol_exporter_queue_size{{{M}}} / otelcol_exporter_queue_capacity{{{M}}})"),
                    unit="percentunit",
                    steps=look.NEARLY_FULL,
                ),
                look.stat(
                    "Memory",
                    "Resident memory of all.",
                    ask.value(f'sum({{__name__=~"otelcol_process_memory_rss(_bytes)?", {M}}})'),
                    unit="bytes",
                ),
                look.stat(
                    "Traces waiting",
                    "Traces about which sampling has not decided yet.",
                    ask.value(f"sum(otelcol_processor_tail_sampling_sampling_traces_on_memory{{{M}}})"),
                ),
            ],
        ),
        look.Row(
            "In and out",
            [
                _flow("Spans in", "receiver_accepted_spans", "receiver"),
                _flow("Spans out", "exporter_sent_spans", "exporter"),
                look.lines(
                    "Decisions of sampling",
                    "Traces kept and left out.",
                    ask.prom(_rate("processor_tail_sampling_global_count_traces_sampled", "decision"), "{{decision}}"),
                    unit="cps",
                ),
                _flow("Log lines in", "receiver_accepted_log_records", "receiver"),
                _flow("Log lines out", "exporter_sent_log_records", "exporter"),
                _flow("Metric points out", "exporter_sent_metric_points", "exporter"),
            ],
        ),
        look.Row(
            "Trouble",
            [
                look.lines(
                    "Queues",
                    "What waits for its destination. Queues are on disk and outlive a restart.",
                    ask.prom(
                        f"sum by (instance, exporter) (otelcol_exporter_queue_size{{{M}}})", "{{instance}} {{exporter}}"
                    ),
                ),
                look.lines(
                    "Refused",
                    "By receiver, each second.",
                    ask.prom(
                        f'sum by (instance, receiver) (rate({{__name__=~"otelcol_receiver_refused_({SIGNALS})(_total)?", {M}}}[{R}]))',
                        "{{instance}} {{receiver}}",
                    ),
                    unit="cps",
                    steps=look.NONE_IS_GOOD,
                ),
                look.lines(
                    "Memory",
                    "Resident memory; near its limit a collector refuses.",
                    ask.prom(
                        f'sum by (instance, job) ({{__name__=~"otelcol_process_memory_rss(_bytes)?", {M}}})',
                        "{{job}} {{instance}}",
                    ),
                    unit="bytes",
                ),
            ],
        ),
    ],
)
