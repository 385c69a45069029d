""".env: settings of a checkout, weaker than the environment, and never in git."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from scripts import up

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "with-env.sh"


def show(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The value of ENV and of OBS_X as a command sees them."""
    command = [str(SCRIPT), "bash", "-c", 'echo "$ENV|$OBS_X"']
    known = {"PATH": os.environ["PATH"], "HOME": "/srv/me", **environment}
    return subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False)


def test_settings_reach_the_command(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nENV=ha\nOBS_X='two words'\n")
    assert show(tmp_path).stdout == "ha|two words\n"


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ENV=ha\nOBS_X=~/x\n")
    assert show(tmp_path, ENV="staging").stdout == "staging|/srv/me/x\n"


def test_without_the_file_nothing_changes(tmp_path: Path) -> None:
    assert show(tmp_path, OBS_X="1").stdout == "|1\n"


def test_the_example_sets_nothing_and_git_ignores_the_real_one() -> None:
    text = (ROOT / ".env.example").read_text()
    assert not [line for line in text.splitlines() if line and not line.startswith("#")]
    for name in ("ENV", "OBS_MIRROR", "ANSIBLE_VAULT_PASSWORD_FILE", "OBS_PORT_GRAFANA"):
        assert re.search(rf"^#{name}=", text, re.MULTILINE), name
    for name in (".env", ".env.ha", ".vault-password", "inventories/ha/vault-password"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0, name
    assert subprocess.run(["git", "check-ignore", "-q", ".env.example"], cwd=ROOT, check=False).returncode == 1


def test_ports_of_make_up_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    service = up.SERVICES[0]
    assert service.published == 3000
    monkeypatch.setenv("OBS_PORT_GRAFANA", "13000")
    settings = {
        "capabilities": [],
        "security_opts": [],
        "tmpfs": [],
        "volumes": [],
        "cgroupns_mode": "x",
        "command": "y",
    }
    assert "127.0.0.1:13000:3000" in up.docker_run(dict(settings), "image")
    assert service.url == "http://127.0.0.1:13000/"
    monkeypatch.setenv("OBS_PORT_GRAFANA", "http")
    with pytest.raises(up.Stop, match="OBS_PORT_GRAFANA=http is no port"):
        service.published  # noqa: B018
