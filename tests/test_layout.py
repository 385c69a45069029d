# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tree: signposts at the root, real code in the collection, and nothing in it that does not belong there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.tree import COLLECTION, ROOT, load_yaml, relative, texts, tracked

SIGNPOSTS = ("roles", "plugins", "playbooks", "docs")
LARGEST = 1024 * 1024

# Folders of people and machines. A path of a managed host (/opt/obs, /etc/prometheus) is not one.
MACHINE_PATH = re.compile(
    r"(?<![\w.$}/-])/(?:work|root/[\w.]*(?:work|src|main|venv|\.ssh|\.cache)|home/\w+|Users/\w+|tmp/[a-z]+/v)(?=[/\s'\"`:)]|$)")

# Hosts that addresses in tracked files may name. Registries of packages are not among them: which one is used is a
# matter of the machine (pip.conf, GOPROXY, apt's sources), never of the tree.
PUBLIC_HOSTS = {
    "github.com", "raw.githubusercontent.com", "docs.github.com", "dl.grafana.com", "grafana.com",
    "prometheus.io", "thanos.io", "opentelemetry.io", "docs.ansible.com", "ansible.readthedocs.io",
    "docs.aws.amazon.com", "www.gnu.org", "www.fsf.org", "www.freedesktop.org", "systemd.io", "man7.org", "semver.org",
    "spdx.org", "go.dev", "www.rfc-editor.org", "jmespath.org", "json-schema.org",
}
RESERVED = re.compile(r"(^|\.)(example(\.(com|org|net))?|test|invalid|localhost|local|internal)$")
URL = re.compile(r"\b(?:https?|git|ssh)://(?:[^\s/@'\"<>]*@)?([^\s/:'\"<>`)\]},;|\\]+)")


def machine_paths(text: str) -> list[str]:
    """Paths that exist on one person's machine only."""
    return [match.group(0) for match in MACHINE_PATH.finditer(text)]


def foreign_hosts(text: str) -> list[str]:
    """Hosts of addresses that are neither public, reserved for examples, loopback, a placeholder nor a single name."""
    return [host for host in URL.findall(text) if not _is_known(host)]


def _is_known(host: str) -> bool:
    host = host.lower().rstrip(".…")
    if host in PUBLIC_HOSTS or RESERVED.search(host) or "." not in host:
        return True  # a single name is a container or a host of an inventory
    if re.fullmatch(r"[\d.]+", host) or host.startswith("["):
        known = r"127\.|0\.0\.0\.0|10\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|169\.254\.|\["
        return re.match(known, host) is not None
    return re.search(r"[{}$%*]", host) is not None


@pytest.mark.parametrize("name", SIGNPOSTS)
def test_signposts_are_relative_symlinks_into_the_collection(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink(), f"{name} must be a relative symlink into the collection, never a copy"
    target = os.readlink(link)
    assert target == relative(COLLECTION / name)
    assert link.is_dir(), f"{name} points to {target}, which is not there"


def test_no_other_symlink_leaves_its_folder_for_the_outside() -> None:
    outside = [path for path in ROOT.glob("*") if path.is_symlink() and not path.resolve().is_relative_to(ROOT)]
    assert not outside


def test_what_ships_is_in_the_collection() -> None:
    for name in ("galaxy.yml", "README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "changelogs/config.yaml"):
        assert (COLLECTION / name).is_file(), name
    stray = [relative(path) for path, text in texts(".py")
             if "AnsibleModule(" in text and (COLLECTION / "plugins") not in path.parents and "tests" not in path.parts]
    assert not stray, f"modules belong to the collection's plugins: {stray}"


def test_galaxy_metadata() -> None:
    galaxy = load_yaml((COLLECTION / "galaxy.yml").read_text())
    assert (galaxy["namespace"], galaxy["name"]) == ("obs", "stack")
    assert re.fullmatch(r"\d+\.\d+\.\d+", galaxy["version"])
    assert galaxy["license"] == ["GPL-3.0-or-later"]


def test_both_licences_are_the_whole_text() -> None:
    for licence in (ROOT / "LICENSE", COLLECTION / "LICENSE"):
        text = licence.read_text()
        assert "GNU GENERAL PUBLIC LICENSE" in text and "END OF TERMS AND CONDITIONS" in text


def test_every_python_file_names_its_licence() -> None:
    missing = [relative(path) for path, text in texts(".py", under=COLLECTION)
               if text.strip() and "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:600]]
    assert not missing


def test_no_large_and_no_binary_files() -> None:
    large = [relative(path) for path in tracked() if path.stat().st_size > LARGEST]
    assert not large, f"larger than 1 MiB: {large}"
    programs = [relative(path) for path in tracked() if path.read_bytes()[:4] == b"\x7fELF"]
    assert not programs, f"programs of others are fetched, never kept: {programs}"


@pytest.mark.parametrize("path", [pytest.param(path, id=relative(path)) for path, _text in texts()])
def test_no_machine_paths_and_no_foreign_hosts(path: Path) -> None:
    if path == Path(__file__).resolve() or path.name == "LICENSE":
        return
    text = path.read_text(encoding="utf-8")
    assert not machine_paths(text)
    assert not foreign_hosts(text)


@pytest.mark.parametrize("text", ["cd /work/checkout", "path: /home/me/x", 'open("/root/.ssh")', "in /tmp/tools/v/bin"])
def test_rule_finds_a_machine_path(text: str) -> None:
    assert machine_paths(text)


@pytest.mark.parametrize("text", ["/opt/obs/x", "ProtectHome: /home", "a/root/b", "$HOME/work/x", "https://x.example/work/y"])
def test_rule_lets_other_paths_be(text: str) -> None:
    assert not machine_paths(text)


@pytest.mark.parametrize("url", ["https://packages.corp.io/simple", "http://44.1.2.3/x", "https://user@nexus.acme.dev/y"])
def test_rule_finds_a_foreign_host(url: str) -> None:
    assert foreign_hosts(url)


@pytest.mark.parametrize("url", [
    "https://github.com/a/b", "http://127.0.0.1:9090/", "https://mirror.example.com/x", "http://prom-a:9090",
    "https://{{ host }}/x", "http://[::1]:9090/", "https://{address}:9090",
])
def test_rule_knows_public_reserved_and_local_hosts(url: str) -> None:
    assert not foreign_hosts(url)
