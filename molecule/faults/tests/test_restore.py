"""What only shows once the new one runs: it is put back, proven, and the error says all of it."""

from __future__ import annotations

import threading
from typing import Any

import lab
import pytest
from states import NEW, OLD, State, assert_converges, info, observed, reboot, samples

CANARY = "canary-Jw3kP9vL"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("3.13.90", ("exited with status 1", "Opening storage failed")),
        ("3.13.91", ("not ready within 10 s", "does not answer")),
        ("3.13.92", ("not ready within 10 s", "503")),
    ],
)
def test_broken_release_is_put_back(host: Any, old: State, version: str, words: tuple[str, ...]) -> None:
    before = samples(host)
    run = lab.converge({**OLD.variables, "prometheus_version": version})
    assert run.code != 0
    for word in ("prometheus", OLD.version, version, "was put back and answers", *words):
        assert word in run.errors, run.errors
    failed = next(result for _task, _host, result in run.tasks if result.get("failed"))
    assert failed["step"] == "probe"
    assert observed(host) == OLD
    found = info(host)
    assert found["running_is_current"] and found["version"] == OLD.version
    newest = found["generations"][0]
    assert (newest["version"], newest["state"]) == (version, "failed") and newest["failure"]
    assert samples(host) >= before
    again = lab.converge(OLD.variables)
    assert (again.code, again.changed) == (0, 0)


def test_unproven_after_a_power_loss_is_proven_or_put_back(host: Any, old: State, run_until: Any) -> None:
    """The host comes up on a broken release that nobody has proven: the next run goes back to the one before."""
    broken = {**NEW.variables, "prometheus_version": "3.13.91"}
    assert run_until("kill", "flip", broken).code != 0
    reboot(host)
    assert lab.get(host, "http://127.0.0.1:9090/-/ready").status == 0
    run = lab.converge(broken)
    assert run.code != 0 and "not ready within 10 s" in run.errors and "was put back and answers" in run.errors, (
        run.errors
    )
    assert observed(host) == OLD
    assert_converges(host, OLD)


def test_config_the_process_dies_on(host: Any, old: State) -> None:
    """The checker has no word on flags; the process ends on this one."""
    run = lab.converge({**OLD.variables, "prometheus_flags": {"no-such-flag": CANARY}})
    assert run.code != 0 and "no-such-flag" in run.errors and "was put back" in run.errors, run.errors
    assert observed(host) == OLD
    assert_converges(host, NEW)


def test_config_the_reload_refuses(host: Any, old: State) -> None:
    """promtool does not open the query log; Prometheus does. Nothing is restarted for it, nor on the way back."""
    process = lab.process(host, "prometheus")
    config = {"global": {"query_log_file": "/nowhere/query.log", "scrape_interval": "1s"}}
    run = lab.converge({**OLD.variables, "prometheus_config": config})
    assert run.code != 0 and "/nowhere/query.log" in run.errors and "was put back" in run.errors, run.errors
    assert lab.process(host, "prometheus") == process
    assert observed(host) == OLD
    assert lab.query(host, "prometheus_config_last_reload_successful")[0]["value"][1] == "1"
    assert_converges(host, OLD)


def test_two_runs_at_once_do_not_mix(host: Any, old: State) -> None:
    runs: dict[str, lab.Run] = {}

    def converge(name: str, state: State) -> None:
        runs[name] = lab.converge(state.variables)

    threads = [threading.Thread(target=converge, args=pair) for pair in (("a", NEW), ("b", OLD))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.code for run in runs.values()] == [0, 0], [run.errors for run in runs.values()]
    found = observed(host)
    assert found in (OLD, NEW)
    assert lab.converge(found.variables).changed == 0


def test_a_lost_connection_does_not_stop_half_way(host: Any, old: State, run_until: Any) -> None:
    """HUP, INT and TERM between the note and commit are ignored: the host half ends by itself."""
    worker = threading.Thread(target=run_until, args=("pause", "act", NEW.variables))
    worker.start()
    paused = host.file("/run/obs-test-paused")
    lab.wait_for("paused run", lambda: paused.exists)
    pid = paused.content_string.strip()
    host.check_output(f"kill -HUP {pid}; kill -INT {pid}; kill -TERM {pid}; sleep 1; kill -0 {pid}")
    host.check_output("rm /run/obs-test-paused")
    worker.join()
    assert observed(host) == NEW
    found = info(host)
    assert found["owed"] == "" and found["running_is_current"]


def test_changed_by_hand_is_put_right(host: Any, old: State) -> None:
    host.check_output("sed -i 's/marker: old/marker: hand/' /etc/prometheus/prometheus.yml")
    process = lab.process(host, "prometheus")
    run = lab.converge(OLD.variables)
    assert run.code == 0 and run.results("prometheus")[0]["reloaded"] is True, run.results("prometheus")
    assert lab.process(host, "prometheus") == process
    host.check_output("systemctl stop prometheus && systemctl disable prometheus")
    assert_converges(host, OLD)
    assert host.service("prometheus").is_enabled


def test_stopped_and_started(host: Any, old: State) -> None:
    stopped = lab.converge({**OLD.variables, "prometheus_state": "stopped"})
    assert stopped.code == 0 and not host.service("prometheus").is_running
    assert lab.converge({**OLD.variables, "prometheus_state": "stopped"}).changed == 0
    assert_converges(host, OLD)


def test_old_generations_go_and_what_is_used_stays(host: Any, old: State) -> None:
    for number in range(5):
        run = lab.converge({**OLD.variables, "prometheus_external_labels": {"marker": f"m{number}", "replica": "a"}})
        assert run.code == 0, run.errors
    found = info(host)
    assert len(found["generations"]) == 3, "prometheus_keep_generations: 3"
    assert found["generations"][0]["current"]
    assert len(host.check_output("ls /opt/obs/prometheus/releases").split()) == 1
    assert_converges(host, OLD)


def test_check_mode_predicts_what_is_applied(host: Any, old: State) -> None:
    wanted = {**OLD.variables, "prometheus_external_labels": {"marker": "predicted", "replica": "a"}}
    process = lab.process(host, "prometheus")
    predicted = lab.converge(wanted, arguments=("--check", "--diff")).results("prometheus")[0]
    assert lab.process(host, "prometheus") == process and observed(host) == OLD
    assert predicted["validated"] is True
    applied = lab.converge(wanted, arguments=("--diff",)).results("prometheus")[0]
    for key in ("changed", "reloaded", "restarted", "from", "to", "reasons", "diff"):
        assert predicted[key] == applied[key], key
    assert applied["reloaded"] and not applied["restarted"]
    refused = lab.converge(
        {**wanted, "prometheus_scrape_configs": [{"job_name": "x", "scrape_interval": "five"}]}, arguments=("--check",)
    )
    assert refused.code != 0 and "promtool check config" in refused.errors


def test_secrets_are_nowhere(host: Any, old: State) -> None:
    """A canary in a secret file: in no journal, no -vvv, no diff, no JSON, no manifest, no argv, not world-readable."""
    variables = {
        **OLD.variables,
        "prometheus_secrets": [{"path": "secrets/remote", "content": f"{CANARY}\nsecond-{CANARY}\n"}],
        "prometheus_scrape_configs": [
            {
                "job_name": "guarded",
                "basic_auth": {"username": "u", "password_file": "/etc/prometheus/secrets/remote"},
                "static_configs": [{"targets": ["127.0.0.1:9090"]}],
            }
        ],
    }
    argument = lab.SCENARIO / ".." / ".." / "molecule" / "faults" / "converge.yml"
    assert argument.exists()
    runs = [
        lab.converge(variables, arguments=("-vvv", "--check", "--diff")),
        lab.converge(variables, arguments=("-vvv", "--diff")),
        lab.converge({**variables, "prometheus_flags": {"no-such-flag": "x"}}, arguments=("-vvv", "--diff")),
    ]
    assert [run.code == 0 for run in runs] == [True, True, False]
    # Ansible itself prints the extra variables it was given; what is asked here is what the run says of them.
    for run in runs:
        said = str([(task, host_, result) for task, host_, result in run.tasks])
        assert CANARY not in said
    assert "(changed)" in str(runs[1].results("prometheus")[0]["diff"])
    found = (
        host.run(f"journalctl --no-pager | grep {CANARY}").stdout
        + host.run(f"ps axeww | grep -v grep | grep {CANARY}").stdout
    )
    assert not found
    files = host.run(
        f"grep -rl {CANARY} /opt/obs /etc/obs /etc/systemd /var/lib/prometheus /tmp /run 2>/dev/null"
    ).stdout.split()
    assert files and all(path.endswith("etc/secrets/remote") for path in files), files
    secret = host.file("/etc/prometheus/secrets/remote")
    assert (secret.mode, secret.user, secret.group) == (0o640, "root", "prometheus")
    assert_converges(host, OLD)


def test_fetched_by_the_host_itself(host: Any, old: State) -> None:
    """obs_fetch: host. The store is copied to where the host can read it as a mirror."""
    upstream = "github.com/prometheus/prometheus/releases/download/v3.13.5"
    host.check_output(f"mkdir -p /srv/mirror/{upstream}")
    import subprocess

    for name in ("prometheus-3.13.5.linux-amd64.tar.gz", "sha256sums.txt"):
        subprocess.run(
            [
                "docker",
                "cp",
                str(lab.STORE / "mirror" / upstream / name),
                f"{host.backend.get_hostname()}:/srv/mirror/{upstream}/",
            ],
            check=True,
            capture_output=True,
        )
    host.check_output("rm -rf /opt/obs/prometheus/releases/3.13.5-*")
    fetch = {"from": "host", "mirror": "file:///srv/mirror"}
    run = lab.converge({**NEW.variables, "prometheus_fetch": fetch})
    assert run.code == 0, run.errors
    assert observed(host) == NEW
    assert_converges(host, NEW)
    host.check_output("rm -r /srv/mirror")
