"""A runbook runs: the real stack answers its queries, and the journal and changes of its service are read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from lab import INVENTORY, PROJECT, query, wait_for


@pytest.fixture
def name(host) -> str:
    """The host's own, in the inventory."""
    return host.backend.host


def diagnose(tmp_path: Path, **variables: str) -> tuple[int, str]:
    """Exit code and report; what Ansible said where there is none."""
    output = tmp_path / "report"
    done = subprocess.run(
        [
            "ansible-playbook", "obs.stack.diagnose", "--inventory", str(INVENTORY),
            "--extra-vars", json.dumps({**variables, "output": str(output)}),
        ],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, output.read_text() if output.exists() else done.stdout + done.stderr


@pytest.fixture
def watchdog(host):
    """An alert that fires: it always does."""
    return wait_for("Watchdog", lambda: query(host, 'ALERTS{alertname="Watchdog", alertstate="firing"}'), 120)


def test_an_alert_that_fires_is_told_with_what_its_page_asks(host, watchdog, tmp_path) -> None:
    code, text = diagnose(tmp_path, alert="Watchdog", format="json")
    assert code == 0, text
    report = json.loads(text)
    assert report["state"] == "firing" and report["since"] > 0, report["verdict"]
    assert report["queries"] and all(one["error"] == "" for one in report["queries"] if not one["lacks"]), text
    assert [one for one in report["queries"] if one["result"]], "a page whose queries find nothing"


def test_queries_logs_journal_and_changes_of_a_service_are_read(host, name, tmp_path) -> None:
    code, text = diagnose(
        tmp_path, alert="LokiRequestErrors", instance=f"{name}:3100", job="loki", host=name, format="json", since="1d"
    )
    assert code == 0, text
    report = json.loads(text)
    assert report["state"] == "inactive" and report["labels"]["site"] == "local"
    asked = {one["language"]: one for one in report["queries"] if not one["error"] and not one["lacks"]}
    assert set(asked) == {"promql", "logql"}, report["queries"]
    ring = next(one for one in report["queries"] if "loki_ring_members" in one["query"])
    assert [series["metric"]["state"] for series in ring["result"] if series["value"][1] == "1"] == ["ACTIVE"]
    assert report["unit"] == "loki" and any("loki" in line for line in report["journal"][name])
    assert any(" loki " in line and "committed" in line for line in report["changes"][name])


def test_a_page_of_ones_own_is_run(host, name, tmp_path) -> None:
    page = '# Mine\n\n## Meaning\n\nIt is mine.\n\n```promql\ncount(up{host="$host"})\nup{x="$device"}\nup{{\n```\n'
    (tmp_path / "Mine.md").write_text(page)
    code, text = diagnose(tmp_path, alert="Mine", host=name, runbooks=str(tmp_path))
    assert code == 0, text
    assert "not asked: device not known" in text and "could not be answered: HTTP 400" in text
    assert yaml.safe_load(text.split(f'count(up{{host="{name}"}})\n')[1].split()[0]) > 5
