#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the table of alerts in docs/alerts.md, and the head of each page in docs/runbooks, from the rules that ship.

python -m scripts.alert_docs            write them
python -m scripts.alert_docs --check    say which are not current, and fail
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "collections" / "ansible_collections" / "obs" / "stack"
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import Given, read_documents  # noqa: E402
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of  # noqa: E402

PAGE = COLLECTION / "docs" / "alerts.md"
RUNBOOKS = COLLECTION / "docs" / "runbooks"
BEGIN, END = "<!-- generated: alerts -->", "<!-- end: alerts -->"
TITLES = {
    "applications": "Applications",
    "estate": "Every estate",
    "node_exporter": "Hosts",
    "prometheus": "Prometheus",
    "alertmanager": "Alertmanager",
    "thanos": "Thanos",
    "thanos-rule": "Thanos' ruler",
    "loki": "Loki",
    "tempo": "Tempo",
    "otelcol": "OpenTelemetry Collector",
    "promtail": "Promtail",
    "gateway": "Gateway",
    "grafana": "Grafana",
    "blackbox_exporter": "Probes",
    "pushgateway": "Pushgateway",
    "slo": "Objectives",
}
# Any objective: all of them have alerts of the same names.
OBJECTIVE = {
    "service": "shop",
    "slos": [
        {
            "name": "answered",
            "objective": 99,
            "budget_exhausted": True,
            "sli": {"events": {"error_query": "sum(rate(e[$window]))", "total_query": "sum(rate(t[$window]))"}},
        }
    ],
}


class Alert(NamedTuple):
    """An alert that ships, and the name of the file it is in."""

    file: str
    rule: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, which is its runbook's too."""
        return str(self.rule["alert"])

    @property
    def head(self) -> str:
        """The first lines of its runbook."""
        severity, dashboard = self.rule["labels"]["severity"], self.rule["annotations"]["dashboard"]
        links = f"dashboard [`{dashboard}`](../dashboards.md). [All alerts](../alerts.md)."
        return f"# {self.name}\n\nSeverity `{severity}`, {links}\n\n## Meaning\n"


def alerts() -> Iterator[Alert]:
    """Every alert, in the order of TITLES; files that have no title come last."""
    files = COLLECTION.glob("roles/*/files/rule*/alerts/*.yml")
    order = list(TITLES)
    for path in sorted(files, key=lambda one: (order.index(one.stem) if one.stem in order else len(order), one.stem)):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (Alert(path.stem, rule) for rule in group["rules"])
    yield from objectives()


def objectives() -> Iterator[Alert]:
    """The alerts of an objective, each name once: with its page where it has a ticket as well."""
    (text,) = files_of(read_documents([("sample", OBJECTIVE)], Given())).values()
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule]
    yield from (Alert("slo", rule) for rule in {rule["alert"]: rule for rule in reversed(rules)}.values())


def table() -> str:
    """A table for each file."""
    lines: list[str] = []
    file = ""
    for alert in alerts():
        if alert.file != file:
            file = alert.file
            title = TITLES.get(file, file)
            lines += ["", f"### {title}", "", "| alert | severity | for | threshold |", "|---|---|---|---|"]
        threshold = alert.rule["annotations"].get("threshold", "")
        link = f"[{alert.name}](runbooks/{alert.name}.md)"
        lines.append(
            "| {} | {} | {} | {} |".format(link, alert.rule["labels"]["severity"], alert.rule.get("for", ""), threshold)
        )
    return "\n".join(lines).strip() + "\n"


def pages() -> dict[Path, str]:
    """What each page should be."""
    text = PAGE.read_text()
    before, _begin, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    found = {PAGE: f"{before}{BEGIN}\n\n{table()}\n{END}{after}"}
    for alert in alerts():
        path = RUNBOOKS / f"{alert.name}.md"
        if path.exists():
            found[path] = alert.head + re.split(r"^## Meaning\n", path.read_text(), maxsplit=1, flags=re.MULTILINE)[-1]
    return found


def main() -> int:
    """Write the pages, or say which are not current; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is not current")
    arguments = parser.parse_args()
    stale = [path for path, text in pages().items() if path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'not current, run make docs' if arguments.check else 'written'}")
        if not arguments.check:
            path.write_text(pages()[path])
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
