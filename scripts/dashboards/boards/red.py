"""Applications: rate, errors, duration."""

from __future__ import annotations

from scripts.dashboards import ask, links, look

# The contract: http_requests_total{method, endpoint, status}, http_request_duration_seconds{method, endpoint}, and logs and
# spans whose service name is the job.
M = 'job=~"$job", site=~"$site", instance=~"$instance", endpoint=~"$endpoint"'
R = "$__rate_interval"
ALL = f"http_requests_total{{{M}}}"
BAD = f'http_requests_total{{{M}, status=~"5.."}}'
BUCKETS = f"http_request_duration_seconds_bucket{{{M}}}"
LOG = '{service_name=~"$job"} | site=~"$site"'

LOGS_OF = links.explore(
    "Logs of the service", ask.LOGS, expr='{service_name="${__field.labels.job}"}', queryType="range"
)
TRACES_OF = links.explore(
    "Traces of the service",
    ask.TRACES,
    query='{ resource.service.name = "${__field.labels.job}" }',
    queryType="traceql",
)
BAD_TRACES_OF = links.explore(
    "Traces with errors",
    ask.TRACES,
    query='{ resource.service.name = "${__field.labels.job}" && status = error }',
    queryType="traceql",
)
ERRORS_OF = links.to_board("Errors of the service", "obs-errors", service="${__field.labels.job}")


def _quantile(share: float, by: str = "") -> str:
    return f"histogram_quantile({share}, sum by ({by + ', ' if by else ''}le) (rate({BUCKETS}[{R}])))"


BOARD = look.Board(
    uid="obs-red",
    folder="Applications",
    title="Applications (RED)",
    question="How many requests does an application answer, how many of them wrongly, and how fast?",
    variables=[
        ask.metrics_source(),
        ask.logs_source(),
        ask.traces_source(),
        ask.site('http_requests_total{endpoint!=""}'),
        ask.choice(
            "job",
            "Job",
            'label_values(http_requests_total{endpoint!="", site=~"$site"}, job)',
            everything=ask.NOT_EMPTY,
        ),
        ask.instance('http_requests_total{job=~"$job", site=~"$site", endpoint!=""}'),
        ask.choice("endpoint", "Endpoint", 'label_values(http_requests_total{job=~"$job", site=~"$site"}, endpoint)'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Requests", "Answered each second.", ask.value(f"sum(rate({ALL}[{R}]))"), unit="reqps", width=6
                ),
                look.stat(
                    "Errors",
                    "Share of requests answered with a status of 500 or above.",
                    ask.value(f"(sum(rate({BAD}[{R}])) or vector(0)) / (sum(rate({ALL}[{R}])) > 0)"),
                    unit="percentunit",
                    steps=((None, look.GREEN), (0.001, look.YELLOW), (0.01, look.RED)),
                    width=6,
                    links=[links.to_board("Errors", "obs-errors")],
                ),
                look.stat("Median", "Half of the requests are faster.", ask.value(_quantile(0.5)), unit="s", width=6),
                look.stat(
                    "99th percentile",
                    "One request in a hundred is slower.",
                    ask.value(_quantile(0.99)),
                    unit="s",
                    steps=((None, look.GREEN), (0.5, look.YELLOW), (1, look.RED)),
                    width=6,
                ),
            ],
        ),
        look.Row(
            "Rate, errors, duration",
            [
                look.lines(
                    "Requests",
                    "By job. Click a line for the logs and traces of its service.",
                    ask.prom(f"sum by (job) (rate({ALL}[{R}]))", "{{job}}"),
                    unit="reqps",
                    links=[LOGS_OF, TRACES_OF],
                ),
                look.lines(
                    "Errors",
                    "Share of requests answered with 500 or above, by job.",
                    ask.prom(
                        f"(sum by (job) (rate({BAD}[{R}])) or 0 * sum by (job) (rate({ALL}[{R}]))) / (sum by (job) (rate({ALL}[{R}])) > 0)",
                        "{{job}}",
                    ),
                    unit="percentunit",
                    steps=((None, look.GREEN), (0.01, look.RED)),
                    links=[BAD_TRACES_OF, ERRORS_OF],
                ),
                look.lines(
                    "Duration",
                    "Percentiles. Each dot is a request that was kept as an exemplar: click it for its trace.",
                    ask.prom(_quantile(0.99, "job"), "99 % {{job}}", exemplars=True),
                    ask.prom(_quantile(0.9, "job"), "90 % {{job}}"),
                    ask.prom(_quantile(0.5, "job"), "50 % {{job}}"),
                    unit="s",
                    links=[LOGS_OF, TRACES_OF],
                ),
            ],
        ),
        look.Row(
            "By endpoint",
            [
                look.table(
                    "Endpoints",
                    "Each endpoint by what it is asked, how often it fails and how long it takes.",
                    {
                        "Requests": ask.prom(f"sum by (job, method, endpoint) (rate({ALL}[{R}]))", instant=True),
                        "Errors": ask.prom(
                            f"(sum by (job, method, endpoint) (rate({BAD}[{R}])) or 0 * sum by (job, method, endpoint) (rate({ALL}[{R}])))"
                            f" / (sum by (job, method, endpoint) (rate({ALL}[{R}])) > 0)",
                            instant=True,
                        ),
                        "Median": ask.prom(_quantile(0.5, "job, method, endpoint"), instant=True),
                        "99th percentile": ask.prom(_quantile(0.99, "job, method, endpoint"), instant=True),
                    },
                    by={"job": "Job", "method": "Method", "endpoint": "Endpoint"},
                    units={"Requests": "reqps", "Errors": "percentunit", "Median": "s", "99th percentile": "s"},
                    steps={"Errors": ((None, look.GREEN), (0.001, look.YELLOW), (0.01, look.RED))},
                    links={
                        "Job": [
                            links.explore(
                                "Logs", ask.LOGS, expr='{service_name="${__data.fields.Job}"}', queryType="range"
                            ),
                            links.explore(
                                "Traces",
                                ask.TRACES,
                                query='{ resource.service.name = "${__data.fields.Job}" }',
                                queryType="traceql",
                            ),
                        ]
                    },
                    sort="Requests",
                ),
                look.lines(
                    "Answers by status",
                    "Requests by status.",
                    ask.prom(f"sum by (job, status) (rate({ALL}[{R}]))", "{{job}} {{status}}"),
                    unit="reqps",
                    stacked=True,
                    width=12,
                    links=[LOGS_OF, TRACES_OF],
                ),
                look.lines(
                    "Duration by endpoint",
                    "99th percentile.",
                    ask.prom(_quantile(0.99, "job, method, endpoint"), "{{method}} {{endpoint}}", exemplars=True),
                    unit="s",
                    width=12,
                    links=[LOGS_OF, TRACES_OF],
                ),
            ],
        ),
        look.Row(
            "Process",
            [
                look.lines(
                    "CPU",
                    "Cores in use.",
                    ask.prom(
                        f'rate(process_cpu_seconds_total{{job=~"$job", site=~"$site", instance=~"$instance"}}[{R}])',
                        "{{job}} {{instance}}",
                    ),
                    unit="none",
                ),
                look.lines(
                    "Memory",
                    "Resident memory.",
                    ask.prom(
                        'process_resident_memory_bytes{job=~"$job", site=~"$site", instance=~"$instance"}',
                        "{{job}} {{instance}}",
                    ),
                    unit="bytes",
                ),
                look.lines(
                    "Starts",
                    "Starts in the last hour; more than a deploy makes are crashes.",
                    ask.prom(
                        'changes(process_start_time_seconds{job=~"$job", site=~"$site", instance=~"$instance"}[1h])',
                        "{{job}} {{instance}}",
                    ),
                ),
            ],
        ),
        look.Row(
            "Logs and traces",
            [
                look.log_lines(
                    "Errors",
                    "Lines at level error and above. A line with a trace id has a link to its trace.",
                    f'{LOG} | detected_level=~"error|critical|fatal"',
                    width=12,
                ),
                look.trace_list(
                    "Traces with errors",
                    "The latest of the services that are chosen.",
                    '{ resource.service.name =~ "$job" && status = error }',
                    width=12,
                ),
            ],
        ),
    ],
)
