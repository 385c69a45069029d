"""A run killed, or a host rebooted, at every boundary of a transaction: the old or the new one, never a mixture."""

from __future__ import annotations

import sys
from typing import Any

import lab
import pytest
from states import NEW, OLD, State, assert_converges, info, observed, other, reboot, samples

sys.path.insert(0, str(lab.PROJECT / "collections"))
from ansible_collections.obs.stack.plugins.module_utils._phase import PHASES

FLIPPED = ("flip", "act", "probe", "commit", "pruned")
"""Boundaries at which `current` names the new generation."""


@pytest.mark.parametrize("phase", PHASES)
def test_killed_run_is_healed_by_the_next(host: Any, present: State, run_until: Any, phase: str) -> None:
    wanted = other(present)
    before = samples(host)
    killed = run_until("kill", phase, wanted.variables)
    assert killed.code != 0 and not host.file("/run/obs-test-phase").exists, killed.output
    assert observed(host) in (OLD, NEW)
    healing = assert_converges(host, wanted)
    if phase == "flip":
        # `current` names the new one, the process is still the old: a restart that got lost.
        assert "a restart got lost" in str(healing.results("prometheus")[0]["reasons"])
    assert not host.run("ls -d /opt/obs/prometheus/*/.staging* /opt/obs/prometheus/.staging*").stdout
    assert samples(host) >= before, "samples got lost"


@pytest.mark.parametrize("phase", PHASES)
def test_rebooted_host_comes_up_by_itself(host: Any, present: State, run_until: Any, phase: str) -> None:
    wanted = other(present)
    assert run_until("kill", phase, wanted.variables).code != 0
    reboot(host)
    assert observed(host) == (wanted if phase in FLIPPED else present)
    healing = lab.converge(wanted.variables)
    assert healing.code == 0, healing.errors or healing.output
    assert observed(host) == wanted


def test_what_runs_is_what_is_current_after_all_of_that(host: Any, present: State) -> None:
    found = info(host)
    assert found["running_is_current"] and found["owed"] == ""
    assert found["version"] == present.version
    assert found["running_release"].startswith(present.version)


@pytest.mark.parametrize("phase", ["generation", "unit", "flip", "act"])
def test_killed_first_install_is_finished_by_the_next(host: Any, run_until: Any, phase: str) -> None:
    removed = lab.converge({"prometheus_state": "absent"})
    assert removed.code == 0, removed.errors
    assert not host.file("/etc/systemd/system/prometheus.service").exists
    assert not host.file("/etc/prometheus").exists
    assert host.file("/var/lib/prometheus").is_directory, "absent keeps the data"
    assert run_until("kill", phase, OLD.variables).code != 0
    assert_converges(host, OLD)
