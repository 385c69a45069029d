"""Rules of SLOs reach a running Prometheus by one reload; what cannot be loaded or evaluated leaves the old ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from lab import INVENTORY, Run, converge, get, process, query, wait_for

testinfra_hosts = ["verbs-a"]

FOLDER = "/etc/obs/prometheus/rules.d"
PROMETHEUS = "http://127.0.0.1:9090"
RELOADS = "prometheus_config_last_reload_success_timestamp_seconds"


def slo(service: str, errors: str, total: str, **more: Any) -> dict[str, Any]:
    """A document; its queries have $window, which Ansible leaves alone."""
    one = {"name": "a", "objective": 99, "sli": {"events": {"error_query": errors, "total_query": total}}, **more}
    return {"service": service, "slos": [one]}


RULES = slo(
    "lab-rules",
    "sum(rate(prometheus_rule_evaluation_failures_total[$window]))",
    "sum(rate(prometheus_rule_evaluations_total[$window]))",
)
# Other targets of the scenario are down at times.
GAUGE = {"gauge": "up", "selector": 'job="prometheus"'}
SCRAPES = {"service": "lab-scrapes", "slos": [{"name": "a", "objective": 99, "sli": {"availability": GAUGE}}]}
# promtool cannot parse the first. Only data shows what is wrong with the second: many series where one is expected.
BROKEN = slo("lab-broken", "sum(rate(up[$window])", "sum(rate(up[$window]))")
AMBIGUOUS = slo(
    "lab-ambiguous",
    "rate(prometheus_http_requests_total[$window]) * on(instance) prometheus_http_requests_total",
    "sum(rate(prometheus_http_requests_total[$window]))",
)


@pytest.fixture(scope="module")
def prometheus() -> Any:
    host = testinfra.get_host("ansible://verbs-a", ansible_inventory=str(INVENTORY))
    yield host
    host.run(f"rm -f {FOLDER}/* && systemctl reload prometheus")


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def call(*slos: dict[str, Any], arguments: tuple[str, ...] = (), **options: Any) -> Run:
        task = {"obs.stack.slo_rules": {"slos": list(slos), "ruleset": "lab", **options}}
        play = {"hosts": "verbs-a", "become": True, "gather_facts": False, "tasks": [task]}
        path = tmp_path / "slo.yml"
        path.write_text(yaml.safe_dump([play]))
        return converge(playbook=path, arguments=arguments)

    return call


def told(done: Run) -> dict[str, Any]:
    """What the task returned."""
    assert not done.failed, done.errors or done.output
    return done.tasks[-1][2]


def loaded(host: Any) -> float:
    """When Prometheus last loaded its configuration."""
    text = get(host, f"{PROMETHEUS}/metrics").body
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(RELOADS))


def groups(host: Any) -> dict[str, list[str]]:
    """Health of the rules of each file of ours that Prometheus has loaded."""
    found: dict[str, list[str]] = {}
    for group in get(host, f"{PROMETHEUS}/api/v1/rules").json["data"]["groups"]:
        if group["file"].startswith(FOLDER):
            name = group["file"].rpartition("/")[2]
            found.setdefault(name, []).extend(rule["health"] for rule in group["rules"])
    return found


def test_rules_are_foretold_written_loaded_once_and_recorded(prometheus: Any, run: Any) -> None:
    before, unit = loaded(prometheus), process(prometheus, "prometheus")
    foretold = told(run(RULES, SCRAPES, arguments=("--check", "--diff")))
    assert foretold["changed"] and foretold["validated"] and not prometheus.run(f"ls {FOLDER}/*.yml").stdout
    done = told(run(RULES, SCRAPES))
    assert done["reloaded"] and done["validated"] and done["written"] == foretold["written"] == done["files"]
    first = loaded(prometheus)
    assert first > before and process(prometheus, "prometheus") == unit
    assert not [health for rules in groups(prometheus).values() for health in rules if health == "err"]
    # The task has waited for the first evaluation of the recording rules.
    assert query(prometheus, 'slo:objective:ratio{sloth_id="lab-scrapes-a"}')[0]["value"][1] == "0.99"
    ratio = 'slo:sli_error:ratio_rate5m{sloth_id="lab-scrapes-a"}'
    assert wait_for("an error ratio", lambda: query(prometheus, ratio))[0]["value"][1] == "0"
    again = run(RULES, SCRAPES)
    assert again.changed == 0 and loaded(prometheus) == first


@pytest.mark.parametrize(("wrong", "said"), [(BROKEN, "promtool check rules"), (AMBIGUOUS, "many-to-many")])
def test_what_is_wrong_leaves_the_old_rules_loaded(prometheus: Any, run: Any, wrong: Any, said: str) -> None:
    before = prometheus.check_output(f"sha256sum {FOLDER}/*.yml")
    done = run(RULES, wrong, purge=True)
    assert done.failed and said in done.errors, done.output
    assert prometheus.check_output(f"sha256sum {FOLDER}/*.yml") == before
    assert sorted(groups(prometheus)) == ["slo-lab-lab-rules.yml", "slo-lab-lab-scrapes.yml"]
    assert run(RULES, SCRAPES).changed == 0


def test_only_our_own_orphans_go(prometheus: Any, run: Any) -> None:
    prometheus.check_output(f"printf 'groups: []\\n' > {FOLDER}/mine.yml")
    done = told(run(RULES, purge=True, healthy_timeout=0))
    assert done["removed"] == ["slo-lab-lab-scrapes.yml"] and done["reloaded"]
    assert prometheus.file(f"{FOLDER}/mine.yml").exists and sorted(groups(prometheus)) == ["slo-lab-lab-rules.yml"]
    assert told(run(purge=True))["removed"] == ["slo-lab-lab-rules.yml"] and groups(prometheus) == {}
    assert run(purge=True).changed == 0
