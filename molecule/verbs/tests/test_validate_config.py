"""Configurations judged on the controller: what passes, what is refused and where from, and that no host is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import PROJECT, Run, converge

PLAYBOOK = PROJECT / "collections/ansible_collections/obs/stack/playbooks/validate_config.yml"
CANARY = "canary-of-validation"
TABLE, ASSERTION = "Show the table", "Fail when something is wrong, or could not be judged"

# Nothing answers there: whoever tried to connect to a host would fail.
NOBODY = {"DOCKER_HOST": "tcp://127.0.0.1:9", "ANSIBLE_SSH_EXECUTABLE": "/bin/false"}
BAD_RULE = """\
groups:
  - name: mine
    rules:
      - alert: Unclosed
        expr: sum(up
"""
FAR: dict[str, dict[str, Any]] = {
    "far-1": {
        "prometheus_rules": [{"src": "{{ inventory_dir }}/mine.yml", "kind": "alerts"}],
        "prometheus_config": {
            "scrape_configs": [{"job_name": "corp", "scheme": "https", "tls_config": {"ca_file": "/srv/pki/ca.pem"}}],
        },
    },
    "far-2": {
        "alertmanager_config": {"route": {"receiver": "nobody", "grouped_by": CANARY}},
        "alertmanager_secrets": [{"path": "secrets/token", "content": CANARY}],
        "prometheus_web_config": {
            "tls_server_config": {"cert_file": "/srv/pki/web.crt", "key_file": "/srv/pki/web.key"},
        },
        "node_exporter_version": "99.0.0",
    },
}


def validate(*arguments: str, **variables: Any) -> Run:
    """Run the playbook with no host in reach. Whatever it finds, it changes nothing and reaches for nobody."""
    run = converge(variables, playbook=PLAYBOOK, arguments=arguments, environment=NOBODY)
    assert run.changed == 0, run.output
    assert not any(row["unreachable"] for row in run.stats.values()), run.output
    return run


def table(run: Run) -> dict[tuple[str, str], str]:
    """(host, service) -> verdict and note."""
    lines = next(result["msg"] for name, _host, result in run.tasks if name == TABLE)
    return {(row.split()[0], row.split()[1]): " ".join(row.split()[3:]) for row in lines[1:]}


@pytest.fixture
def far(tmp_path: Path) -> tuple[str, ...]:
    """Arguments that add a site of two hosts at addresses nobody has, each with its own mistakes."""
    sites = {host: {**variables, "obs_site": host, "ansible_connection": "ssh"} for host, variables in FAR.items()}
    hosts = dict.fromkeys(FAR)
    groups = {group: {"hosts": hosts} for group in ("prometheus", "alertmanager", "monitored")}
    inventory = tmp_path / "far.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": sites, "children": groups}}))
    (tmp_path / "mine.yml").write_text(BAD_RULE)
    return ("--inventory", str(inventory), "--limit", ",".join(FAR))


def test_a_sound_estate_passes_with_no_host_in_reach() -> None:
    run = validate()
    assert run.code == 0, run.output
    assert table(run) == {
        ("verbs-a", "prometheus"): "ok",
        ("verbs-a", "alertmanager"): "ok",
        ("verbs-a", "node_exporter"): "ok",
        ("verbs-a", "slo"): "ok",
        ("verbs-b", "node_exporter"): "ok",
    }


def test_one_run_tells_all_that_is_wrong(far: tuple[str, ...]) -> None:
    run = validate(*far, "-vvv", "--diff")
    assert run.code != 0
    assert table(run) == {
        ("far-1", "prometheus"): "REFUSED see below",
        ("far-1", "alertmanager"): "ok",
        ("far-1", "node_exporter"): "ok",
        ("far-1", "slo"): "ok",
        ("far-2", "prometheus"): "ok 2 files only the host has",
        ("far-2", "alertmanager"): "REFUSED see below",
        ("far-2", "node_exporter"): "not judged see below",
        ("far-2", "slo"): "ok",
    }
    causes = next(result["msg"] for name, _host, result in run.tasks if name == ASSERTION).splitlines()
    assert len(causes) == 3, causes
    rule, route, release = causes
    # Each in the checker's words, with the paths of the host, the host, and the variable to correct.
    assert "Could not validate prometheus" in rule and "far-1" in rule and "promtool check config" in rule
    assert "/etc/prometheus/rules/alerts/mine.yml" in rule and "unclosed left parenthesis" in rule
    assert "(prometheus_rules)" in rule
    assert "far-2" in route and "amtool check-config" in route and "grouped_by" in route
    assert "(alertmanager_config)" in route
    assert "Could not judge node_exporter of far-2" in release and "99.0.0" in release
    assert "obs-validate-" not in "".join(causes), "the folder on the controller is nobody's business"
    assert "/srv/pki/web.key of prometheus on far-2 is on the host only" in run.output


def test_no_secret_is_told_or_left_behind(far: tuple[str, ...], tmp_path: Path) -> None:
    run = validate(*far, "-vvv", "--diff", "--tags", "alertmanager")
    assert set(table(run)) == {("far-1", "alertmanager"), ("far-2", "alertmanager")}, "--tags names services"
    told = "".join(line for line in run.output.splitlines() if "grouped_by" in line)
    assert told and CANARY not in run.output
    assert not list(Path("~/.ansible/tmp").expanduser().glob("**/obs-validate-*"))


def test_what_cannot_be_judged_fails_unless_that_is_accepted() -> None:
    arguments = ("--limit", "verbs-b")
    run = validate(*arguments, node_exporter_version="99.0.0")
    assert run.code != 0 and "Could not judge node_exporter of verbs-b" in run.errors
    assert validate(*arguments, node_exporter_version="99.0.0", strict=False).code == 0


def test_an_inventory_that_cannot_work_is_refused_beside_the_rest(tmp_path: Path) -> None:
    lone = {
        "all": {
            "hosts": {"lone": {"obs_site": "lone", "prometheus_listen_address": "nonsense"}},
            "children": {"prometheus": {"hosts": {"lone": None}}},
        }
    }
    (tmp_path / "lone.yml").write_text(yaml.safe_dump(lone))
    run = validate("--inventory", str(tmp_path / "lone.yml"), "--tags", "node_exporter")
    assert run.code != 0 and "nonsense" in run.errors
    assert table(run)["verbs-b", "node_exporter"] == "ok", "the other hosts are judged all the same"
