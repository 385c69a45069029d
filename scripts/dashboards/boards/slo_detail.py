"""One SLO."""

from __future__ import annotations

from scripts.dashboards import ask, look
from scripts.dashboards.boards.slo_overview import BUDGET, BURN

S = 'sloth_service="$service", sloth_slo="$slo", site=~"$site"'
RATIO = '{__name__=~"slo:sli_error:ratio_rate(5m|30m|1h|2h|6h|1d|3d)", ' + S + "}"

BOARD = look.Board(
    uid="obs-slo-detail",
    folder="SLOs",
    title="SLO detail",
    question="How has one SLO spent its error budget, and when will it be gone?",
    variables=[
        ask.metrics_source(),
        ask.choice("site", "Site", "label_values(up, site)"),
        ask.choice("service", "Service", "label_values(sloth_slo_info, sloth_service)", several=False),
        ask.choice("slo", "SLO", 'label_values(sloth_slo_info{sloth_service="$service"}, sloth_slo)', several=False),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Objective",
                    "What was promised.",
                    ask.value(f"max(slo:objective:ratio{{{S}}})"),
                    unit="percentunit",
                    decimals=3,
                ),
                look.stat(
                    "Reached",
                    "In the period so far.",
                    ask.value(f"1 - max(slo:period_burn_rate:ratio{{{S}}}) * max(slo:error_budget:ratio{{{S}}})"),
                    unit="percentunit",
                    decimals=3,
                ),
                look.stat(
                    "Budget left",
                    "Share of the period's error budget.",
                    ask.value(f"min(slo:period_error_budget_remaining:ratio{{{S}}})"),
                    unit="percentunit",
                    steps=BUDGET,
                ),
                look.stat(
                    "Burn rate",
                    "1 spends just the budget of the period.",
                    ask.value(f"max(slo:current_burn_rate:ratio{{{S}}})"),
                    unit="none",
                    steps=BURN,
                    decimals=2,
                ),
                look.stat(
                    "Budget gone in",
                    "At the pace of the last hour; nothing is shown while nothing is spent.",
                    ask.value(
                        f"(min(slo:period_error_budget_remaining:ratio{{{S}}}) > 0) * max(slo:time_period:days{{{S}}}) * 86400"
                        f" / (max(slo:sli_error:ratio_rate1h{{{S}}}) / max(slo:error_budget:ratio{{{S}}}) > 0)"
                    ),
                    unit="s",
                    no_value="not in sight",
                ),
                look.stat(
                    "Period", "Days over which it is judged.", ask.value(f"max(slo:time_period:days{{{S}}})"), unit="d"
                ),
            ],
        ),
        look.Row(
            "Budget",
            [
                look.lines(
                    "Budget left",
                    "Share of the period's error budget over time.",
                    ask.prom(f"min(slo:period_error_budget_remaining:ratio{{{S}}})", "left"),
                    unit="percentunit",
                    minimum=None,
                    width=12,
                    steps=BUDGET,
                ),
                look.lines(
                    "Burn rate by window",
                    "How fast the budget is spent, looked at over each window. Alerts want a long and a short window above a limit.",
                    ask.prom(
                        f"max by (sloth_window) ({RATIO}) / on () group_left () max(slo:error_budget:ratio{{{S}}})",
                        "{{sloth_window}}",
                    ),
                    unit="none",
                    width=12,
                ),
            ],
        ),
        look.Row(
            "Events",
            [
                look.lines(
                    "Share of errors",
                    "Over five minutes, against what the objective allows.",
                    ask.prom(f"max(slo:sli_error:ratio_rate5m{{{S}}})", "errors"),
                    ask.prom(f"max(slo:error_budget:ratio{{{S}}})", "allowed"),
                    unit="percentunit",
                    width=8,
                ),
                look.lines(
                    "Events",
                    "All and bad ones, where they are recorded.",
                    ask.prom(f"sum(slo:sli_total:rate5m{{{S}}})", "all"),
                    ask.prom(f"sum(slo:sli_errors:rate5m{{{S}}})", "bad"),
                    unit="cps",
                    width=8,
                ),
                look.lines(
                    "Alerts",
                    "Pages and tickets of this SLO, pending and firing.",
                    ask.prom(
                        'count by (alertname, sloth_severity, alertstate) (ALERTS{sloth_service="$service", sloth_slo="$slo"})',
                        "{{sloth_severity}} {{alertname}} {{alertstate}}",
                    ),
                    width=8,
                ),
            ],
        ),
    ],
    time_from="now-7d",
    refresh="1m",
)
