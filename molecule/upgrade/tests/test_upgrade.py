"""One story, told in order: 3.13.4 with history → 3.13.5 → a broken release → rolled back and held → let go."""

from __future__ import annotations

import time
from typing import Any

import pytest
from lab import Run, converge, get, process, query, wait_for

OLD, NEW, BROKEN = "3.13.4", "3.13.5", "3.13.90"
API = "http://127.0.0.1:9090"
DATA = "/var/lib/prometheus"
HOME = "/opt/obs/prometheus"
DAY = 86400


def running_version(host: Any) -> str:
    """What the process says of itself; its binary must be that of the current generation, not a deleted one."""
    executable = host.check_output(f"readlink /proc/{process(host, 'prometheus').pid}/exe")
    assert executable == host.check_output(f"readlink -f {HOME}/current/release/bin/prometheus")
    version = get(host, f"{API}/api/v1/status/buildinfo").json["data"]["version"]
    assert f"/{version}-" in executable
    return version


def info() -> dict[str, Any]:
    """What release_service_info tells of the service."""
    run = converge(playbook="info.yml")
    assert run.code == 0, run.errors or run.output
    services = next(result["services"] for _task, _host, result in run.tasks if "services" in result)
    return next(service for service in services if service["name"] == "prometheus")


def samples(host: Any, expression: str, at: float) -> list[str]:
    """Values of an expression at a time in the past."""
    answer = get(
        host, f"{API}/api/v1/query", "-G", "--data-urlencode", f"query={expression}", "--data-urlencode", f"time={at}"
    )
    return [row["value"][1] for row in answer.json["data"]["result"]]


def result_of(run: Run) -> dict[str, Any]:
    """The one result of the service in a run."""
    (result,) = run.results("prometheus")
    return result


@pytest.fixture(scope="module")
def history(host: Any) -> dict[str, float]:
    """Data of before the upgrade: a block of yesterday, and fresh samples that are only in the write-ahead log."""
    yesterday = int(time.time()) - DAY
    lines = "\\n".join(f"upgrade_canary {value} {yesterday + value}" for value in range(60))
    host.check_output(
        f"printf '# TYPE upgrade_canary gauge\\n{lines}\\n# EOF\\n' >/tmp/canary.om && "
        f"setpriv --reuid=prometheus --regid=prometheus --clear-groups "
        f"{HOME}/current/release/bin/promtool tsdb create-blocks-from openmetrics /tmp/canary.om {DATA}"
    )
    wait_for("samples", lambda: query(host, 'count_over_time(up{job="prometheus"}[1m]) > 5'))
    return {"yesterday": yesterday + 59, "fresh": time.time()}


def assert_history(host: Any, history: dict[str, float]) -> None:
    assert wait_for("yesterday's block", lambda: samples(host, "upgrade_canary", history["yesterday"])) == ["59"]
    assert samples(host, 'up{job="prometheus"}', history["fresh"]) == ["1"]


def test_before_the_upgrade(host, history):
    assert running_version(host) == OLD


def test_check_mode_foretells_the_upgrade(host):
    before = process(host, "prometheus")
    run = converge({"prometheus_version": NEW}, arguments=("--check",))
    assert run.code == 0, run.errors or run.output
    result = result_of(run)
    assert result["restarted"] and result["from"]["version"] == OLD and result["to"]["version"] == NEW
    assert process(host, "prometheus") == before
    assert host.run(f"ls -d {HOME}/releases/{NEW}-*").rc != 0


def test_upgrade_keeps_data_and_runs_the_new_binary(host, history):
    before = process(host, "prometheus")
    run = converge({"prometheus_version": NEW})
    assert run.code == 0, run.errors or run.output
    assert run.changed == 1
    result = result_of(run)
    assert result["restarted"] and not result["reloaded"]
    assert (result["from"]["version"], result["to"]["version"]) == (OLD, NEW)
    after = process(host, "prometheus")
    assert after.pid != before.pid and after.restarts == 0
    assert running_version(host) == NEW
    assert get(host, f"{API}/-/ready").status == 200
    assert_history(host, history)
    assert process(host, "prometheus") == after


def test_upgrade_is_idempotent(host):
    before = process(host, "prometheus")
    run = converge({"prometheus_version": NEW})
    assert run.code == 0 and run.changed == 0, run.errors or run.output
    assert process(host, "prometheus") == before


def test_info_agrees(host):
    service = info()
    current = int(host.check_output(f"basename $(readlink {HOME}/current)"))
    assert service["generation"] == current
    assert service["version"] == NEW
    assert service["running_is_current"] and service["active"] and service["enabled"]
    assert service["running_release"].startswith(f"{NEW}-")
    assert service["pid"] == process(host, "prometheus").pid
    assert service["owed"] == "" and service["hold"] == {}
    versions = {generation["number"]: generation["version"] for generation in service["generations"]}
    assert versions[current] == NEW and OLD in versions.values()
    assert [generation["current"] for generation in service["generations"] if generation["number"] == current] == [True]


def test_broken_release_is_rolled_back(host, history):
    before = host.check_output(f"readlink {HOME}/current")
    unit = host.file("/etc/systemd/system/prometheus.service").content_string
    run = converge({"prometheus_version": BROKEN})
    assert run.code != 0
    for word in ("prometheus", NEW, BROKEN, "broken on purpose"):
        assert word in run.errors, run.errors
    (failed,) = [result for _task, _host, result in run.tasks if result.get("failed")]
    assert failed["step"] == "probe"
    assert len(failed["msg"].splitlines()) <= 2 or "journal" in failed["msg"], failed["msg"]
    assert running_version(host) == NEW
    assert get(host, f"{API}/-/ready").status == 200
    assert host.check_output(f"readlink {HOME}/current") == before
    assert host.file("/etc/systemd/system/prometheus.service").content_string == unit
    assert_history(host, history)
    failed = next(generation for generation in info()["generations"] if generation["version"] == BROKEN)
    assert failed["state"] == "failed" and "broken on purpose" in failed["failure"]


def test_next_good_run_has_nothing_to_mend(host):
    before = process(host, "prometheus")
    run = converge({"prometheus_version": NEW})
    assert run.code == 0 and run.changed == 0, run.errors or run.output
    assert process(host, "prometheus") == before


def test_rollback_by_hand_holds(host, history):
    run = converge(playbook="rollback.yml")
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == OLD
    assert_history(host, history)
    held = process(host, "prometheus")

    run = converge({"prometheus_version": NEW})
    assert run.code == 0, run.errors or run.output
    assert run.changed == 0
    warnings = " ".join(str(warning) for warning in result_of(run)["warnings"])
    assert f"held at {OLD} (generation {info()['generation']})" in warnings and "lift" in warnings, warnings
    assert process(host, "prometheus") == held
    hold = info()["hold"]
    assert hold["by"] and hold["at"] and hold["generation"] == info()["generation"]


def test_another_wish_ends_the_hold_and_previous_is_what_ran_before(host):
    """Not the generation that was rolled back from by hand, though its number is nearer."""
    run = converge({"prometheus_version": NEW, "prometheus_environment": {"CHANGED": "yes"}})
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == NEW
    run = converge(playbook="rollback.yml")
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == OLD


def test_lifted_hold_lets_the_wish_through(host, history):
    wish = {"prometheus_version": NEW, "prometheus_environment": {"CHANGED": "yes"}}
    assert converge(wish).changed == 0
    run = converge({"lift": True}, playbook="rollback.yml")
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == OLD, "lifting alone changes nothing that runs"
    run = converge(wish)
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == NEW
    assert info()["hold"] == {}
    assert_history(host, history)


def test_downgrade_is_a_wish_like_any_other(host, history):
    run = converge()
    assert run.code == 0, run.errors or run.output
    assert running_version(host) == OLD
    assert_history(host, history)
