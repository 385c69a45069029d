"""Is the platform itself healthy?"""

from __future__ import annotations

from scripts.dashboards import ask, links, look

OURS = "prometheus|alertmanager|node_exporter|exporter|loki|tempo|grafana|gateway|promtail|otelcol|otelcol-agent|thanos-.+"
S = 'site=~"$site"'
UP = f'up{{job=~"{OURS}", {S}}}'

BOARD = look.Board(
    uid="obs-stack",
    folder="Platform",
    title="Stack overview",
    question="Is the platform itself healthy, and if not, which part of it?",
    variables=[ask.metrics_source(), ask.logs_source(), ask.site()],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Services down",
                    "Services of the stack that Prometheus cannot scrape.",
                    ask.value(f"count({UP} == 0) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Alerts firing",
                    "Alerts that page or make a ticket. The Watchdog, which always fires, is not counted.",
                    ask.value(f'count(ALERTS{{alertstate="firing", severity=~"page|ticket", {S}}}) or vector(0)'),
                    steps=look.NONE_IS_GOOD,
                    links=[links.to_board("Alertmanager", "obs-alertmanager")],
                ),
                look.stat(
                    "Configurations refused",
                    "Prometheus and Alertmanagers whose last reload failed: they run on an old configuration.",
                    ask.value(
                        f'count({{__name__=~"(prometheus|alertmanager)_config_last_reload_successful", {S}}} == 0)'
                        " or vector(0)"
                    ),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Samples stored",
                    "Samples that Prometheus takes in each second.",
                    ask.value(
                        f'sum(rate(prometheus_tsdb_head_samples_appended_total{{job="prometheus", {S}}}[$__rate_interval]))'
                    ),
                    unit="cps",
                    links=[links.to_board("Prometheus", "obs-prometheus")],
                ),
                look.stat(
                    "Log lines stored",
                    "Lines that Loki takes in each second.",
                    ask.value(f"sum(rate(loki_distributor_lines_received_total{{{S}}}[$__rate_interval]))"),
                    unit="cps",
                    links=[links.to_board("Loki", "obs-loki")],
                ),
                look.stat(
                    "Spans stored",
                    "Spans that Tempo takes in each second.",
                    ask.value(f"sum(rate(tempo_distributor_spans_received_total{{{S}}}[$__rate_interval]))"),
                    unit="cps",
                    links=[links.to_board("Tempo", "obs-tempo")],
                ),
            ],
        ),
        look.Row(
            "Services",
            [
                look.table(
                    "Services of the stack",
                    "Each service on each host: whether it answers, since when it runs, and what it takes of its host.",
                    {
                        "Up": ask.prom(f"max by (job, instance, site) ({UP})", instant=True),
                        "Runs for": ask.prom(
                            f'time() - max by (job, instance, site) (process_start_time_seconds{{job=~"{OURS}", {S}}})',
                            instant=True,
                        ),
                        "Memory": ask.prom(
                            f'max by (job, instance, site) (process_resident_memory_bytes{{job=~"{OURS}", {S}}})',
                            instant=True,
                        ),
                        "CPU cores": ask.prom(
                            f'max by (job, instance, site) (rate(process_cpu_seconds_total{{job=~"{OURS}", {S}}}[$__rate_interval]))',
                            instant=True,
                        ),
                    },
                    by={"job": "Service", "instance": "Instance", "site": "Site"},
                    units={"Runs for": "dtdurations", "Memory": "bytes", "CPU cores": "none"},
                    steps={"Up": look.ALL_IS_GOOD},
                    width=16,
                    height=12,
                ),
                look.table(
                    "Alerts",
                    "What fires or is about to.",
                    {
                        "State": ask.prom(
                            f'sum by (alertname, severity, alertstate, host) (ALERTS{{severity!="none", {S}}})',
                            instant=True,
                        )
                    },
                    by={"alertname": "Alert", "severity": "Severity", "alertstate": "Phase", "host": "Host"},
                    width=8,
                    height=12,
                ),
            ],
        ),
        look.Row(
            "Signals on their way",
            [
                look.lines(
                    "Samples lost or refused",
                    "Scrapes that went beyond a limit, samples out of order, and remote writes that failed for good.",
                    ask.prom(
                        f"sum by (job) (rate(prometheus_target_scrapes_exceeded_sample_limit_total{{{S}}}[$__rate_interval]))",
                        "over a limit: {{job}}",
                    ),
                    ask.prom(
                        f"sum by (job) (rate(prometheus_tsdb_out_of_order_samples_total{{{S}}}[$__rate_interval]))",
                        "out of order: {{job}}",
                    ),
                    unit="cps",
                ),
                look.lines(
                    "What collectors could not hand over",
                    "Items that wait in the collectors' queues. A queue that grows means that its destination is away.",
                    ask.prom(
                        f"sum by (job, instance, exporter) (otelcol_exporter_queue_size{{{S}}})",
                        "{{instance}} {{exporter}}",
                    ),
                    links=[links.to_board("Collectors", "obs-otelcol")],
                ),
                look.lines(
                    "Notifications that failed",
                    "Alerts that Alertmanager could not bring to their receivers.",
                    ask.prom(
                        f"sum by (receiver_name, integration) (rate(alertmanager_notifications_failed_total{{{S}}}[$__rate_interval]))",
                        "{{receiver_name}} {{integration}}",
                    ),
                    unit="cps",
                    links=[links.to_board("Alertmanager", "obs-alertmanager")],
                ),
                look.log_lines(
                    "Errors of the stack's own services",
                    "Lines at level error and above of the stack's services.",
                    '{service_name=~"prometheus|alertmanager|node_exporter|exporter|loki|tempo|grafana|otelcol.*|promtail|thanos-.+"}'
                    ' | site=~"$site" | detected_level=~"error|critical|fatal"',
                ),
            ],
        ),
    ],
)
