"""Alertmanager."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="alertmanager", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"

BOARD = look.Board(
    uid="obs-alertmanager",
    folder="Platform",
    title="Alertmanager",
    question="Do alerts reach people?",
    variables=[
        ask.metrics_source(),
        ask.site("alertmanager_build_info"),
        ask.instance('alertmanager_build_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat("Up", "Members that answer.", ask.value(f"sum(up{{{M}}})"), steps=look.ALL_IS_GOOD),
                look.stat(
                    "Members seen",
                    "Members of the cluster as the one that sees fewest sees them; 0 where clustering is off.",
                    ask.value(f"min(alertmanager_cluster_members{{{M}}}) or vector(0)"),
                ),
                look.stat(
                    "Alerts active",
                    "Alerts that are neither silenced nor inhibited.",
                    ask.value(f'max(alertmanager_alerts{{{M}, state="active"}})'),
                ),
                look.stat(
                    "Alerts suppressed",
                    "Silenced or inhibited alerts.",
                    ask.value(f'max(alertmanager_alerts{{{M}, state="suppressed"}})'),
                ),
                look.stat(
                    "Silences", "Silences in force.", ask.value(f'max(alertmanager_silences{{{M}, state="active"}})')
                ),
                look.stat(
                    "Last reload",
                    "1 when the configuration that is there is the one that runs.",
                    ask.value(f"min(alertmanager_config_last_reload_successful{{{M}}})"),
                    steps=look.ALL_IS_GOOD,
                ),
            ],
        ),
        look.Row(
            "Notifications",
            [
                look.lines(
                    "Notifications",
                    "By receiver and integration.",
                    ask.prom(
                        f"sum by (receiver_name, integration) (rate(alertmanager_notifications_total{{{M}}}[{R}])) > 0",
                        "{{receiver_name}} {{integration}}",
                    ),
                    unit="cps",
                ),
                look.lines(
                    "Notifications that failed",
                    "By receiver, integration and reason.",
                    ask.prom(
                        f"sum by (receiver_name, integration, reason) (rate(alertmanager_notifications_failed_total{{{M}}}[{R}])) > 0",
                        "{{receiver_name}} {{integration}}: {{reason}}",
                    ),
                    unit="cps",
                    steps=look.NONE_IS_GOOD,
                ),
                look.lines(
                    "Time of a notification",
                    "99th percentile by receiver and integration.",
                    ask.prom(
                        "histogram_quantile(0.99, sum by (receiver_name, integration, le)"
                        f" (rate(alertmanager_notification_latency_seconds_bucket{{{M}}}[{R}])))",
                        "{{receiver_name}} {{integration}}",
                    ),
                    unit="s",
                ),
            ],
        ),
        look.Row(
            "Alerts",
            [
                look.lines(
                    "Alerts received",
                    "From each Prometheus, firing and resolved, by member.",
                    ask.prom(
                        f"sum by (instance, status) (rate(alertmanager_alerts_received_total{{{M}}}[{R}]))",
                        "{{instance}} {{status}}",
                    ),
                    unit="cps",
                ),
                look.lines(
                    "Alerts held",
                    "By state. Members of a pair should hold the same.",
                    ask.prom(f"sum by (instance, state) (alertmanager_alerts{{{M}}})", "{{instance}} {{state}}"),
                ),
                look.lines(
                    "Groups",
                    "Groups of alerts that are waiting or being told.",
                    ask.prom(f"alertmanager_dispatcher_aggregation_groups{{{M}}}", "{{instance}}"),
                ),
                look.table(
                    "Firing now",
                    "As Prometheus sees it.",
                    {
                        "Since": ask.prom(
                            "min by (alertname, severity, site, host, job)"
                            ' (ALERTS_FOR_STATE{site=~"$site"} * 1000 and ignoring (alertstate) ALERTS{alertstate="firing"})',
                            instant=True,
                        )
                    },
                    by={"alertname": "Alert", "severity": "Severity", "site": "Site", "host": "Host", "job": "Job"},
                    units={"Since": "dateTimeFromNow"},
                ),
            ],
        ),
        look.Row(
            "Cluster",
            [
                look.lines(
                    "Members",
                    "As each member sees them.",
                    ask.prom(f"alertmanager_cluster_members{{{M}}}", "{{instance}}"),
                ),
                look.lines(
                    "Messages waiting",
                    "What a member has not told the others yet.",
                    ask.prom(f"alertmanager_cluster_messages_queued{{{M}}}", "{{instance}}"),
                ),
                look.lines(
                    "State",
                    "Size of silences and of the log of notifications.",
                    ask.prom(f"alertmanager_silences_snapshot_size_bytes{{{M}}}", "silences {{instance}}"),
                    ask.prom(f"alertmanager_nflog_snapshot_size_bytes{{{M}}}", "notifications {{instance}}"),
                    unit="bytes",
                ),
            ],
        ),
    ],
)
