"""A mirror is filled, copied and proven; a bare host comes up from the copy, with no other source in reach."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from lab import INVENTORY, PROJECT, Run, converge, get

PLAYBOOK = PROJECT / "collections/ansible_collections/obs/stack/playbooks/mirror.yml"
NAME = "verbs-b"
PORTS = {"prometheus": 9090, "alertmanager": 9093, "node_exporter": 9100}
# Nothing answers there: neither a host nor any server on the way out.
NOBODY = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
NO_WAY_OUT = {**dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"), "no_proxy": ""}


def collect(folder: Path, lab: dict[str, Any], *arguments: str, **variables: Any) -> Run:
    """Fill a folder from the artifact store, as if that were upstream."""
    source = {"dir": str(folder), "obs_mirror_source": lab["obs_mirror"], "obs_cache_dir": str(folder.parent / "cache")}
    alone = {**NOBODY, **NO_WAY_OUT}
    run = converge({**source, **variables}, playbook=PLAYBOOK, arguments=arguments, environment=alone)
    assert not any(row["unreachable"] for row in run.stats.values()), run.output
    return run


def files_of(run: Run) -> dict[tuple[str, str], str]:
    """(service, architecture) -> state; the architecture of a checksum file is ""."""
    found = next(result["files"] for name, _host, result in run.tasks if name == "Bring what is missing")
    return {(item["service"], item["arch"]): item["state"] for item in found}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, lab: dict[str, Any]) -> Path:
    """The folder, filled once."""
    folder = tmp_path_factory.mktemp("out") / "mirror"
    run = collect(folder, lab)
    assert run.code == 0 and run.changed == 1, run.output
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Arguments for a site of one host that is bare and gets everything; afterwards it is what it was."""
    groups = {group: {"hosts": {NAME: {"obs_site": "island"}}} for group in ("prometheus", "alertmanager", "monitored")}
    inventory = tmp_path / "island.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": groups}}))
    arguments = ("--inventory", str(inventory), "--limit", NAME)
    assert converge({"node_exporter_state": "absent"}, arguments=("--limit", NAME)).code == 0
    try:
        yield arguments
    finally:
        # node_exporter stays, or comes back here.
        names = ("prometheus", "alertmanager")
        gone = {**{f"{name}_state": "absent" for name in names}, **{f"{name}_purge_data": True for name in names}}
        left = converge(gone, arguments=arguments)
    assert left.code == 0, left.errors


def test_everything_the_inventory_needs_is_there_and_verifiable(mirror: Path, lab: dict[str, Any]) -> None:
    again = collect(mirror, lab)
    assert again.code == 0 and again.changed == 0, again.output
    states = files_of(again)
    for service in PORTS:
        assert states[service, ""] == states[service, "amd64"] == "present", states
        assert states[service, "arm64"] in ("present", "not released"), states
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=mirror, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == list(states.values()).count("present")


def test_a_bare_host_comes_up_from_a_copy_of_it_alone(mirror: Path, bare: tuple[str, ...], tmp_path: Path) -> None:
    copy = shutil.copytree(mirror, tmp_path / "copy")
    host = testinfra.get_host(f"ansible://{NAME}", ansible_inventory=str(INVENTORY))
    assert not host.file("/opt/obs/node_exporter").exists and not host.file("/opt/obs/prometheus").exists
    run = converge(
        {"obs_mirror": f"file://{copy}", "obs_cache_dir": str(tmp_path / "cache")},
        arguments=bare,
        environment={**NO_WAY_OUT, "OBS_ARTIFACT_CACHE": str(tmp_path / "cache")},
    )
    assert run.code == 0, run.errors
    for service, port in PORTS.items():
        assert [(result["from"], result["generation"]) for result in run.results(service, NAME)] == [({}, 1)]
        assert get(host, f"http://127.0.0.1:{port}/metrics").status == 200
    assert len([path for path in (tmp_path / "cache").iterdir() if len(path.name) == 64]) == len(PORTS)


def test_what_cannot_be_had_is_told_and_the_rest_stays(mirror: Path, lab: dict[str, Any]) -> None:
    before = (mirror / "SHA256SUMS").read_text()
    run = collect(mirror, lab, prometheus_version="99.0.0")
    assert run.code != 0 and "Could not collect 2 of " in run.errors and "v99.0.0/sha256sums.txt" in run.errors
    assert (mirror / "SHA256SUMS").read_text() == before


def test_a_folder_must_be_named() -> None:
    run = converge(playbook=PLAYBOOK, environment=NOBODY)
    assert run.code != 0 and "no folder was named" in run.errors
