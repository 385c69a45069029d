# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection builds, holds nothing stray, installs without network, and works where it was installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.test_docs import FENCE, LINK
from tests.tree import COLLECTION, load_yaml, plugins, roles, roles_of_the_site

BIN = Path(sys.executable).parent
SHIPPED = {"README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "docs/troubleshooting.md", "playbooks/site.yml"}
STRAY = (".pyc", ".tar.gz", ".retry", ".log", "~")
# What somebody writes who has nothing but the archive.
HOSTS = """\
prometheus: {hosts: {obs-a: {}}}
alertmanager: {hosts: {obs-a: {}}}
monitored: {hosts: {obs-a: {ansible_host: 192.0.2.10}, app-1: {ansible_host: 192.0.2.11}}}
"""
PLAYBOOK = """\
- name: Run the observability stack
  ansible.builtin.import_playbook: obs.stack.site
"""
SMALL = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection, built from a copy of what git has or would add."""
    folder = tmp_path_factory.mktemp("build")
    subprocess.run([BIN / "ansible-galaxy", "collection", "build", str(COLLECTION), "--output-path", str(folder)],
                   check=True, capture_output=True, text=True)
    version = load_yaml((COLLECTION / "galaxy.yml").read_text())["version"]
    return folder / f"obs-stack-{version}.tar.gz"


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder into which the archive was installed, with no server to ask."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([BIN / "ansible-galaxy", "collection", "install", str(archive), "--collections-path", str(folder),
                    "--offline", "--no-deps"], check=True, capture_output=True, text=True, env=_environment(folder))
    return folder


def _environment(folder: Path) -> dict[str, str]:
    """An environment that knows that folder and no configuration."""
    config = folder / "ansible.cfg"
    config.touch()
    return dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(folder), ANSIBLE_CONFIG=str(config), HOME=str(folder))


def test_archive_holds_what_ships_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = {member.name for member in tar.getmembers() if member.isfile()}
    assert archive.stat().st_size < SMALL
    assert names >= SHIPPED
    stray = [name for name in names if name.endswith(STRAY) or "/." in f"/{name}" or name.startswith("tests/output")]
    assert not stray


def test_installed_collection_documents_itself(installed: Path) -> None:
    names = [f"obs.stack.{path.stem}" for path in plugins("modules")]
    answer = subprocess.run([BIN / "ansible-doc", "--json", *names], check=True, capture_output=True, text=True,
                            cwd=installed, env=_environment(installed)).stdout
    assert set(json.loads(answer)) == set(names)
    answer = subprocess.run([BIN / "ansible-doc", "--type", "role", "--list", "--json", "obs.stack"], check=True,
                            capture_output=True, text=True, cwd=installed, env=_environment(installed)).stdout
    assert set(json.loads(answer)) >= {f"obs.stack.{role.name}" for role in roles()}


def test_pages_lead_nowhere_outside_of_what_was_installed(installed: Path) -> None:
    root = installed / "ansible_collections" / "obs" / "stack"
    dead = []
    for page in root.rglob("*.md"):
        for link in LINK.findall(FENCE.sub("", page.read_text())):
            target = (page.parent / link.partition("#")[0]).resolve()
            if not re.match(r"[a-z]+:", link) and not (target.is_relative_to(root) and target.exists()):
                dead.append(f"{page.relative_to(root)}: {link}")
    assert not dead


def test_page_of_the_collection_stands_alone() -> None:
    # Galaxy shows it without the files beside it, so a relative link leads nowhere there.
    links = LINK.findall(FENCE.sub("", (COLLECTION / "README.md").read_text()))
    assert not [link for link in links if not link.startswith("https:")]


def test_a_project_elsewhere_uses_it_by_ten_lines(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "observability.yml").write_text(PLAYBOOK)
    assert len((HOSTS + PLAYBOOK).splitlines()) <= 10
    environment = {**_environment(installed), "HOME": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [str(BIN / "ansible-playbook"), "-i", "hosts.yml", "observability.yml", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Every task of every role is found, and the inventory is judged, without a host.
    tasks = run("--list-tasks")
    assert not [role.name for role in roles_of_the_site() if f"obs.stack.{role.name} : " not in tasks]
    assert "failed=0" in run("--tags", "nothing-else")


def test_installed_playbook_is_found_by_name(installed: Path) -> None:
    done = subprocess.run([BIN / "ansible-playbook", "obs.stack.site", "--syntax-check", "-i", "monitored,"],
                          check=False, capture_output=True, text=True, cwd=installed, env=_environment(installed))
    assert done.returncode == 0, done.stdout + done.stderr
