"""Errors, from logs and from spans."""

from __future__ import annotations

from scripts.dashboards import ask, links, look

LEVEL = 'detected_level=~"error|critical|fatal"'
S = f'{{service_name=~"$service"}} | site=~"$site" | {LEVEL}'
# The kind of an error: the exception that was logged, else the beginning of the line.
# Numbers of a line make no kinds: Loki refuses to tell more than 500.
KIND = (
    "label_format type=`{{ if .exception_type }}{{ .exception_type }}{{ else if .exception }}"
    '{{ regexReplaceAll "[(:].*" .exception "" }}{{ else }}'
    '{{ regexReplaceAll "[0-9a-f]*[0-9][0-9a-f]*" (trunc 80 __line__) "#" }}{{ end }}`'
)
SPANS = 'traces_span_metrics_calls_total{status_code="STATUS_CODE_ERROR", service_name=~"$service", site=~"$site"}'
# A counter's first sample is no increase: a series that is new within a minute counts as one that went up.
SEEN = f"(increase({SPANS}[2m]) > 0 or ({SPANS} unless {SPANS} offset 2m))"
RECORDED = 'service_type:log_errors:count1m{service=~"$service", site=~"$site"}'

BOARD = look.Board(
    uid="obs-errors",
    folder="Applications",
    title="Errors",
    question="What goes wrong, in which service, since when, and in which trace is it to be seen?",
    variables=[
        ask.metrics_source(),
        ask.logs_source(),
        ask.traces_source(),
        ask.site(),
        ask.choice(
            "service",
            "Service",
            "label_values(traces_span_metrics_calls_total, service_name)",
            everything=ask.NOT_EMPTY,
        ),
    ],
    rows=[
        look.Row(
            "How many",
            [
                look.lines(
                    "Errors in logs",
                    "Lines at level error and above, by service.",
                    ask.loki(f"sum by (service_name) (count_over_time({S} [$__auto]))", "{{service_name}}"),
                    width=12,
                    stacked=True,
                ),
                look.lines(
                    "Errors in spans",
                    "Spans that ended with an error, of all that were sent, before sampling.",
                    ask.prom(
                        f"sum by (service_name, span_name) (rate({SPANS}[$__rate_interval])) > 0",
                        "{{service_name}} {{span_name}}",
                    ),
                    unit="cps",
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        look.Row(
            "What",
            [
                look.table(
                    "Errors in logs by kind",
                    "The exception that was logged, else the beginning of the line, within the time range.",
                    {
                        "Count": ask.loki(
                            f"topk(50, sum by (service_name, type) (count_over_time({S} | {KIND} [$__range])))",
                            instant=True,
                        )
                    },
                    by={"service_name": "Service", "type": "Type"},
                    units={"Count": "short"},
                    links={
                        "Service": [
                            links.explore(
                                "Its lines",
                                ask.LOGS,
                                expr=f'{{service_name="${{__data.fields.Service}}"}} | {LEVEL}',
                                queryType="range",
                            ),
                            links.explore(
                                "Its traces",
                                ask.TRACES,
                                query='{ resource.service.name = "${__data.fields.Service}" && status = error }',
                                queryType="traceql",
                            ),
                        ]
                    },
                    width=12,
                    height=10,
                    sort="Count",
                ),
                look.table(
                    "Exceptions in logs, first and last seen",
                    "As Loki's ruler has recorded them: it outlives the lines, and looks as far back as the time range.",
                    {
                        "Count": ask.prom(
                            f"sum by (service, type) (sum_over_time({RECORDED}[$__range]))", instant=True
                        ),
                        "First seen": ask.prom(
                            f"min by (service, type) (min_over_time(timestamp({RECORDED})[$__range:1m])) * 1000",
                            instant=True,
                        ),
                        "Last seen": ask.prom(
                            f"max by (service, type) (max_over_time(timestamp({RECORDED})[$__range:1m])) * 1000",
                            instant=True,
                        ),
                    },
                    by={"service": "Service", "type": "Type"},
                    units={"First seen": "dateTimeFromNow", "Last seen": "dateTimeFromNow"},
                    width=12,
                    height=10,
                    sort="Last seen",
                ),
                look.table(
                    "Errors in spans, first and last seen",
                    "By service and span. Click a service for its traces.",
                    {
                        "Count": ask.prom(
                            f"sum by (service_name, span_name) (increase({SPANS}[$__range])) > 0", instant=True
                        ),
                        "First seen": ask.prom(
                            f"min by (service_name, span_name) (min_over_time(timestamp({SEEN})[$__range:1m])) * 1000",
                            instant=True,
                        ),
                        "Last seen": ask.prom(
                            f"max by (service_name, span_name) (max_over_time(timestamp({SEEN})[$__range:1m])) * 1000",
                            instant=True,
                        ),
                    },
                    by={"service_name": "Service", "span_name": "Span"},
                    units={"First seen": "dateTimeFromNow", "Last seen": "dateTimeFromNow"},
                    links={
                        "Service": [
                            links.explore(
                                "Its traces",
                                ask.TRACES,
                                query='{ resource.service.name = "${__data.fields.Service}" && status = error }',
                                queryType="traceql",
                            ),
                            links.to_board("Requests", "obs-red", job="${__data.fields.Service}"),
                        ]
                    },
                    sort="Last seen",
                ),
            ],
        ),
        look.Row(
            "Where to look",
            [
                look.trace_list(
                    "Exceptions in traces",
                    "The latest traces with an error, with the exception where the span tells one.",
                    '{ resource.service.name =~ "$service" && status = error } | select(resource.service.name, name, event.exception.type)',
                    width=12,
                ),
                look.log_lines("Lines", "A line with a trace id has a link to its trace.", S, width=12),
            ],
        ),
    ],
    time_from="now-3h",
    refresh="1m",
)
