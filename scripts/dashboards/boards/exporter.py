"""The exporter, about itself: what its modules collect is the applications' own."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="exporter", site=~"$site", instance=~"$instance"'
MODULE = f'{M}, module=~"$module"'
R = "$__rate_interval"
BY = "instance, module"
EACH = "{{instance}} {{module}}"


def _each(name: str) -> ask.Query:
    """A gauge of each module."""
    return ask.prom(f"max by ({BY}) (obs_exporter_{name}{{{MODULE}}})", EACH)


def _rate(name: str, by: str = "") -> ask.Query:
    """A counter of each module, by a further label."""
    legend = f"{EACH} {{{{{by}}}}}" if by else EACH
    labels = f"{BY}, {by}" if by else BY
    return ask.prom(f"sum by ({labels}) (rate(obs_exporter_{name}{{{MODULE}}}[{R}]))", legend)


BOARD = look.Board(
    uid="obs-exporter",
    folder="Platform",
    title="Exporter",
    question="Does the exporter collect what it should of the applications, in time and whole?",
    variables=[
        ask.metrics_source(),
        ask.site("obs_exporter_build_info"),
        ask.instance('obs_exporter_build_info{site=~"$site"}'),
        ask.choice(
            "module",
            "Module",
            'label_values(obs_exporter_collection_success{site=~"$site", instance=~"$instance"}, module)',
        ),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat("Up", "Exporters that answer.", ask.value(f"sum(up{{{M}}})"), steps=look.ALL_IS_GOOD),
                look.stat(
                    "Modules failing",
                    "Modules whose last collection did not go well.",
                    ask.value(f"count(obs_exporter_collection_success{{{MODULE}}} == 0) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Series",
                    "Series of the applications that it serves.",
                    ask.value(f"sum(obs_exporter_series{{{MODULE}}})"),
                ),
                look.stat(
                    "Left out",
                    "Series left out each second, for a limit or because they cannot be told apart.",
                    ask.value(f"sum(rate(obs_exporter_series_dropped_total{{{MODULE}}}[{R}])) or vector(0)"),
                    unit="cps",
                    steps=((None, look.GREEN), (0.001, look.RED)),
                ),
                look.stat(
                    "Lines",
                    "Lines of logs read each second.",
                    ask.value(f"sum(rate(obs_exporter_log_lines_total{{{MODULE}}}[{R}]))"),
                    unit="cps",
                ),
                look.stat(
                    "Last reload",
                    "1 when the configuration that is there is the one that runs.",
                    ask.value(f"min(obs_exporter_config_last_reload_successful{{{M}}})"),
                    steps=look.ALL_IS_GOOD,
                ),
            ],
        ),
        look.Row(
            "Modules",
            [
                look.table(
                    "Modules",
                    "How each does: 1 when its last collection went well, how old what it serves is, how many series.",
                    {
                        "Well": ask.prom(f"min by ({BY}) (obs_exporter_collection_success{{{MODULE}}})", instant=True),
                        "Age": ask.prom(
                            f"max by ({BY}) (obs_exporter_collection_age_seconds{{{MODULE}}})", instant=True
                        ),
                        "Series": ask.prom(f"max by ({BY}) (obs_exporter_series{{{MODULE}}})", instant=True),
                    },
                    by={"instance": "Instance", "module": "Module"},
                    units={"Age": "s"},
                    steps={"Well": look.ALL_IS_GOOD},
                    width=24,
                ),
                look.lines(
                    "Time of a collection",
                    "On average. What waits for an upstream is in it; logs are followed and have none.",
                    ask.prom(
                        f"sum by ({BY}) (rate(obs_exporter_collection_duration_seconds_sum{{{MODULE}}}[{R}]))"
                        f" / sum by ({BY}) (rate(obs_exporter_collection_duration_seconds_count{{{MODULE}}}[{R}]))",
                        EACH,
                    ),
                    unit="s",
                ),
                look.lines(
                    "Collections",
                    "By how they ended, each second.",
                    _rate("collections_total", "result"),
                    unit="cps",
                ),
                look.lines(
                    "Age", "Of what is served; beyond max_age nothing is.", _each("collection_age_seconds"), unit="s"
                ),
                look.lines("Series", "Of the last good collection.", _each("series")),
                look.lines(
                    "Series left out",
                    "By reason, each second: limit is max_series, the others are faults of the source.",
                    _rate("series_dropped_total", "reason"),
                    unit="cps",
                ),
            ],
        ),
        look.Row(
            "Logs",
            [
                look.lines(
                    "Lines",
                    "Read each second, by whether they were understood.",
                    _rate("log_lines_total", "result"),
                    unit="cps",
                ),
                look.lines(
                    "Behind", "Bytes that are written and not read yet.", _each("log_behind_bytes"), unit="bytes"
                ),
                look.lines(
                    "Rotations",
                    "Files rotated, truncated, or lost with lines unread, within an hour.",
                    ask.prom(
                        f"sum by ({BY}, change) (increase(obs_exporter_log_file_changes_total{{{MODULE}}}[1h]))",
                        f"{EACH} {{{{change}}}}",
                    ),
                ),
            ],
        ),
        look.Row(
            "Process",
            [
                look.lines(
                    "Memory",
                    "Resident.",
                    ask.prom(f"process_resident_memory_bytes{{{M}}}", "{{instance}}"),
                    unit="bytes",
                ),
                look.lines(
                    "Processor",
                    "Cores in use.",
                    ask.prom(f"rate(process_cpu_seconds_total{{{M}}}[{R}])", "{{instance}}"),
                ),
                look.lines(
                    "Requests",
                    "By page and status, each second.",
                    ask.prom(
                        f"sum by (instance, handler, code) (rate(obs_exporter_http_requests_total{{{M}}}[{R}]))",
                        "{{instance}} {{handler}} {{code}}",
                    ),
                    unit="cps",
                ),
            ],
        ),
    ],
)
