"""From one log agent to the other and back, on a host that goes on writing: every line arrives, few of them twice."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import lines
import pytest
from lab import converge, process, wait_for

FOLDER = "/var/log/obs-agent"
UNITS = {"promtail": "promtail", "otelcol": "otelcol-agent"}
# Lines a second to each of file and journal, and how long the writer runs: longer than both changes take.
CHUNK, PAUSE, COUNT = 10, 0.2, 6000
# Seconds that both agents may read at the same time: the positions of Promtail are noted every ten.
OVERLAP = 60


def change(agent: str, *arguments: str, **variables):
    """Run the playbook that puts one agent in place of the other."""
    return converge({"agent": agent, **variables}, playbook="log_agent.yml", arguments=arguments)


def installed(host) -> set[str]:
    """Which of the agents the host has."""
    return {name for name in UNITS.values() if host.run(f"test -d /opt/obs/{name}").rc == 0}


@pytest.fixture(scope="module")
def only_otelcol(host):
    """The collector is the host's agent and reads the folder of these tests; afterwards all is as it was."""
    before = installed(host)
    host.check_output(f"install -d -m 0755 {FOLDER}")
    run = change("otelcol")
    assert run.code == 0, run.errors or run.output
    assert installed(host) == {"otelcol-agent"}
    yield
    host.run(f"systemctl stop {lines.UNIT}")
    change("otelcol")
    for name in sorted(before):
        tag = "otelcol-agent" if name == "otelcol-agent" else "promtail"
        assert converge(arguments=("--tags", tag)).code == 0
    host.check_output(f"rm -rf {FOLDER}")


def test_nothing_to_replace_changes_nothing(host, only_otelcol):
    before = process(host, "otelcol-agent")
    run = change("otelcol")
    assert run.code == 0 and run.changed == 0, run.errors or run.output
    assert process(host, "otelcol-agent") == before


def test_check_mode_tells_what_is_removed(host, only_otelcol):
    run = change("promtail", "--check", "--diff")
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    (result,) = run.results("promtail")
    assert "otelcol-agent is replaced" in result["reasons"]
    assert any("/opt/obs/otelcol-agent\n" in entry["before"] for entry in result["diff"])
    assert installed(host) == {"otelcol-agent"}


def test_no_line_is_lost_from_one_agent_to_the_other_and_back(host, only_otelcol):
    run, since = uuid.uuid4().hex[:8], int(host.check_output("date +%s"))
    host.check_output(f"echo 'run old{run} number 1' > {FOLDER}/old.log")
    lines.write(host, run, f"{FOLDER}/numbered.log", count=COUNT, chunk=CHUNK, pause=PAUSE, journal=True)
    try:
        for agent, other in (("promtail", "otelcol-agent"), ("otelcol", "promtail")):
            done = change(agent)
            assert done.code == 0, done.errors or done.output
            assert installed(host) == {UNITS[agent]}
            assert host.run(f"systemctl is-active {other}").stdout.strip() == "inactive"
            assert host.run(f"test -d /var/lib/{other}").rc == 0, "its data is kept"
            assert lines.writing(host), "the writer was too short for the change"
        again = change("otelcol")
        assert again.code == 0 and again.changed == 0, again.errors or again.output
    finally:
        host.run(f"systemctl stop {lines.UNIT}")
    last = int(host.check_output(f"tail -n 1 {FOLDER}/numbered.log").split()[-1])
    wanted = set(range(1, last + 1))
    streams = {"file": '{service_name="obs-agent"}', "journal": f'{{service_name="{lines.UNIT}"}}'}
    for source, selector in streams.items():
        wait_for(
            f"every line of the {source}", lambda s=selector: set(lines.arrived(host, run, s, since)) >= wanted, 60
        )
        found = lines.arrived(host, run, selector, since)
        assert set(found) == wanted
        twice = sum(found.values()) - len(wanted)
        print(f"{source}: {len(wanted)} lines, {twice} of them twice")
        assert twice <= 2 * OVERLAP * CHUNK / PAUSE
        assert max(found.values()) <= 3, "an agent read again what it had read"
    assert lines.arrived(host, f"old{run}", streams["file"], since)[1] == 1, "what is old comes once"


def set_finish(host, command: list[str] | None) -> list[str]:
    """Put another command in the place of what the collector does at its end; returns what was there."""
    return json.loads(
        host.check_output(
            "python3 - <<'END'\nimport json, os\n"
            "path = os.path.realpath('/opt/obs/otelcol-agent/current') + '/manifest.json'\n"
            "document = json.load(open(path))\n"
            f"before, document['data']['finish'] = document['data']['finish'], json.loads({json.dumps(command)!r})\n"
            "json.dump(document, open(path, 'w'))\nprint(json.dumps(before))\nEND"
        )
    )


def test_an_agent_that_cannot_pass_on_what_it_has_stays(host, only_otelcol):
    # As long as it may wait for Loki is too long for a test: the same refusal, at once.
    finish = set_finish(host, ["/bin/sh", "-c", "echo nobody takes them >&2; exit 1"])
    try:
        refused = change("promtail")
    finally:
        set_finish(host, finish)
    assert refused.code != 0
    assert "Could not replace otelcol-agent by promtail: nobody takes them" in refused.errors
    assert installed(host) == {"promtail", "otelcol-agent"}
    assert process(host, "promtail").pid
    again = change("promtail")
    assert again.code == 0, again.errors or again.output
    assert again.results("promtail")[0]["reasons"] == ["otelcol-agent is replaced"]
    assert installed(host) == {"promtail"}


def test_a_run_that_is_killed_is_healed_by_the_next(host, only_otelcol):
    run, since = uuid.uuid4().hex[:8], int(host.check_output("date +%s"))
    assert change("promtail").code == 0
    lines.write(host, run, f"{FOLDER}/killed.log", count=COUNT, chunk=CHUNK, pause=PAUSE)
    try:
        with ThreadPoolExecutor(1) as pool:
            cut = pool.submit(change, "otelcol")
            wait_for("the handover", lambda: host.run("pgrep -f '[h]andover.py --sources.* hand_over'").rc == 0, 90)
            # The module waits for the hook: it is the parent of systemd-run.
            host.check_output("kill -9 $(ps -o ppid= -p $(pgrep -x systemd-run))")
            assert cut.result().code != 0
        assert installed(host) == {"promtail", "otelcol-agent"}
        assert process(host, "otelcol-agent").pid and process(host, "promtail").pid
        healed = change("otelcol")
        assert healed.code == 0, healed.errors or healed.output
        assert healed.results("otelcol-agent")[0]["reasons"] == ["promtail is replaced"]
        assert installed(host) == {"otelcol-agent"}
    finally:
        host.run(f"systemctl stop {lines.UNIT}")
    wanted = set(range(1, int(host.check_output(f"tail -n 1 {FOLDER}/killed.log").split()[-1]) + 1))
    selector = '{service_name="obs-agent"}'
    wait_for("every line", lambda: set(lines.arrived(host, run, selector, since)) >= wanted, 60)
