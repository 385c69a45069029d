"""All SLOs."""

from __future__ import annotations

from scripts.dashboards import ask, links, look

# Names of metrics and labels are those that Sloth writes.
S = 'sloth_service=~"$service", site=~"$site"'
BUDGET: look.Steps = ((None, look.RED), (0, look.YELLOW), (0.25, look.GREEN))
BURN: look.Steps = ((None, look.GREEN), (1, look.YELLOW), (6, look.RED))
ID = "sloth_service, sloth_slo, sloth_id"

BOARD = look.Board(
    uid="obs-slo-overview",
    folder="SLOs",
    title="SLO overview",
    question="Which services keep what they promised, and which are about to break it?",
    variables=[
        ask.metrics_source(),
        ask.choice("site", "Site", "label_values(up, site)"),
        ask.choice("service", "Service", "label_values(sloth_slo_info, sloth_service)"),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "SLOs", "How many there are.", ask.value(f"count(max by ({ID}) (sloth_slo_info{{{S}}}))"), width=6
                ),
                look.stat(
                    "Budgets spent",
                    "SLOs that have no error budget left in their period.",
                    ask.value(
                        f"count(max by ({ID}) (slo:period_error_budget_remaining:ratio{{{S}}}) <= 0) or vector(0)"
                    ),
                    steps=look.NONE_IS_GOOD,
                    width=6,
                ),
                look.stat(
                    "Burning",
                    "SLOs that spend their budget faster than they may, at this moment.",
                    ask.value(f"count(max by ({ID}) (slo:current_burn_rate:ratio{{{S}}}) > 1) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                    width=6,
                ),
                look.stat(
                    "Pages and tickets",
                    "Alerts of SLOs that fire.",
                    ask.value(
                        'count(ALERTS{alertstate="firing", sloth_severity=~"page|ticket", sloth_service=~"$service"}) or vector(0)'
                    ),
                    steps=look.NONE_IS_GOOD,
                    width=6,
                ),
            ],
        ),
        look.Row(
            "All of them",
            [
                look.table(
                    "SLOs",
                    "Least budget first. Click one for its detail.",
                    {
                        "Objective": ask.prom(f"max by ({ID}) (slo:objective:ratio{{{S}}})", instant=True),
                        "Reached": ask.prom(
                            f"1 - max by ({ID}) (slo:period_burn_rate:ratio{{{S}}}) * max by ({ID}) (slo:error_budget:ratio{{{S}}})",
                            instant=True,
                        ),
                        "Budget left": ask.prom(
                            f"min by ({ID}) (slo:period_error_budget_remaining:ratio{{{S}}})", instant=True
                        ),
                        "Burn rate": ask.prom(f"max by ({ID}) (slo:current_burn_rate:ratio{{{S}}})", instant=True),
                        "Days": ask.prom(f"max by ({ID}) (slo:time_period:days{{{S}}})", instant=True),
                    },
                    by={"sloth_service": "Service", "sloth_slo": "SLO"},
                    units={
                        "Objective": "percentunit",
                        "Reached": "percentunit",
                        "Budget left": "percentunit",
                        "Burn rate": "none",
                    },
                    steps={"Budget left": BUDGET, "Burn rate": BURN},
                    links={
                        "SLO": [
                            links.to_board(
                                "Detail",
                                "obs-slo-detail",
                                service="${__data.fields.Service}",
                                slo="${__data.fields.SLO}",
                            )
                        ]
                    },
                    height=12,
                )
            ],
        ),
        look.Row(
            "Over time",
            [
                look.lines(
                    "Budget left",
                    "Share of the error budget of the period.",
                    ask.prom(
                        f"min by ({ID}) (slo:period_error_budget_remaining:ratio{{{S}}})",
                        "{{sloth_service}} {{sloth_slo}}",
                    ),
                    unit="percentunit",
                    minimum=None,
                    width=12,
                    steps=BUDGET,
                ),
                look.lines(
                    "Burn rate",
                    "1 spends just the budget of the period; 14.4 spends it in two days.",
                    ask.prom(f"max by ({ID}) (slo:current_burn_rate:ratio{{{S}}})", "{{sloth_service}} {{sloth_slo}}"),
                    unit="none",
                    width=12,
                    steps=BURN,
                ),
            ],
        ),
    ],
    time_from="now-24h",
    refresh="1m",
)
