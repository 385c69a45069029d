"""The built archive alone, in a project of somebody else: own inventory, a short playbook, a vault, a real host."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from lab import INVENTORY, PROJECT, get

NAME = "verbs-b"  # Alertmanager is not on it, and is gone again afterwards
CANARY = "canary-in-the-address"
PASSWORD = "canary-of-the-vault"
SECRET = "/etc/alertmanager/secrets/team_url"
PLAYBOOK = """\
- name: Run the observability stack
  ansible.builtin.import_playbook: obs.stack.site
"""
VARIABLES = {
    "obs_site": "elsewhere",
    "alertmanager_config": {
        "route": {"receiver": "team"},
        "receivers": [{"name": "team", "webhook_configs": [{"url_file": SECRET}]}],
    },
    "alertmanager_secrets": [{"path": "secrets/team_url", "content": "{{ vault_team_url }}"}],
}
VAULT = f"vault_team_url: http://127.0.0.1:9/{CANARY}\n"


class Elsewhere:
    """A folder with nothing of the repository in it but what the archive brought."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours = ("ANSIBLE_", "MOLECULE_", "OBS_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.environment = {
            **kept,
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "password"),
        }
        self.environment.pop("PYTHONPATH", None)

    def write(self, name: str, content: Any) -> Path:
        """A file of the project: text, or a document that becomes YAML."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    def run(self, *command: str | Path, code: int = 0) -> str:
        """Run a command there; what it printed."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def play(self, playbook: str, *arguments: str) -> str:
        """Run a playbook on the project's inventory."""
        return self.run("ansible-playbook", "-i", "hosts.yml", playbook, *arguments)


@pytest.fixture(scope="module")
def host() -> Any:
    """The host the project has."""
    return testinfra.get_host(f"ansible://{NAME}", ansible_inventory=str(INVENTORY))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, lab: dict[str, Any], host: Any):
    """The project, with the archive installed; afterwards the host is what it was."""
    asked = subprocess.run(
        ["ansible-inventory", "-i", str(INVENTORY), "--host", NAME], check=True, capture_output=True, text=True
    ).stdout
    reach = {key: value for key, value in json.loads(asked).items() if key.startswith("ansible_")}
    here = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    here.write("ansible.cfg", f"[defaults]\ncollections_path = {here.folder / 'collections'}\n")
    here.write("hosts.yml", {"alertmanager": {"hosts": {NAME: reach}}})
    here.write("observability.yml", PLAYBOOK)
    lab_only = {key: value for key, value in lab.items() if key == "obs_mirror" or key.endswith("_version")}
    here.write("group_vars/all/obs.yml", {**VARIABLES, **lab_only})
    here.write("password", PASSWORD)
    vault = here.write("group_vars/all/vault.yml", VAULT)
    here.run("ansible-vault", "encrypt", vault)
    here.run("ansible-galaxy", "collection", "build", PROJECT / "collections/ansible_collections/obs/stack")
    archive = next(here.folder.glob("obs-stack-*.tar.gz"))
    here.run("ansible-galaxy", "collection", "install", archive, "--offline", "-p", here.folder / "collections")
    yield here
    here.play("obs.stack.site", "-e", json.dumps({"alertmanager_state": "absent", "alertmanager_purge_data": True}))
    assert not host.file("/etc/systemd/system/alertmanager.service").exists


def changed(output: str) -> int:
    """Changed tasks of a run, from its recap."""
    return sum(int(count) for count in re.findall(r"changed=(\d+)", output))


def test_it_installs_and_a_second_run_has_nothing_to_do(project: Elsewhere, host: Any) -> None:
    assert not host.service("alertmanager").is_running
    first = project.play("observability.yml", "--diff", "-vv")
    assert changed(first) == 1
    assert get(host, "http://127.0.0.1:9093/-/ready").status == 200
    assert changed(project.play("obs.stack.site")) == 0
    assert CANARY not in first


def test_what_the_vault_held_is_a_file_for_the_service(project: Elsewhere, host: Any) -> None:
    assert CANARY not in "".join(path.read_text() for path in (project.folder / "group_vars").rglob("*.yml"))
    secret = host.file(SECRET)
    assert CANARY in secret.content_string
    assert (secret.mode, secret.group) == (0o640, "alertmanager")
    assert CANARY not in get(host, "http://127.0.0.1:9093/api/v2/status").body


def test_the_other_playbooks_are_there_by_name(project: Elsewhere) -> None:
    assert "alertmanager" in project.play("obs.stack.verify")


def test_without_the_password_nothing_is_done(project: Elsewhere) -> None:
    project.environment.pop("ANSIBLE_VAULT_PASSWORD_FILE")
    try:
        told = project.run("ansible-playbook", "-i", "hosts.yml", "observability.yml", code=4)
    finally:
        project.environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(project.folder / "password")
    assert "vault" in told.lower()
