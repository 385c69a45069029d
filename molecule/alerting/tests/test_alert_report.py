"""What a pair has seen of an alert that fired for a while is told once, with how long it was."""

from __future__ import annotations

import json
from pathlib import Path

from channels import at, wait_told
from lab import converge
from raising import PROMETHEUS, clear, new_case, raise_alerts, wait_over

testinfra_hosts = ["alerting-a"]

PLAYBOOK = "../../playbooks/alert_report.yml"


def test_an_alert_of_both_members_counts_once(host, tmp_path: Path):
    case = new_case("reported")
    raise_alerts(case, "channels")
    wait_told(case, path="/hook/canary-of-the-hook")
    clear(case)
    wait_over(case)
    output = tmp_path / "alerts.json"
    run = converge(
        {"weeks": "0.01", "resolution": "2s", "format": "json", "output": str(output)},
        playbook=PLAYBOOK,
        arguments=("--limit", "main"),
    )
    assert run.code == 0, run.errors
    report = json.loads(output.read_text())
    mine = [row for row in report["alerts"] if row["alert"] == "LabAlert"]
    assert [(row["site"], row["severity"]) for row in mine] == [("main", "page")], report
    # Other tests may have raised it too; each instance once, although two Prometheis have seen it.
    assert mine[0]["instances"] >= mine[0]["times"] >= 1 and 0 < mine[0]["median"] < 120
    asked = at("alerting-a").run(f"curl -sG {PROMETHEUS}/api/v1/series -d 'match[]=ALERTS{{alertname=\"LabAlert\"}}'")
    seen = {(series["case"], series["part"]) for series in json.loads(asked.stdout)["data"]}
    assert (case, "0") in seen and len(seen) <= mine[0]["instances"] < 2 * len(seen), seen
