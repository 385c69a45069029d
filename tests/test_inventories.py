# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventories make sound estates and keep their secrets in vaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.estates import ansible, problems, read, with_vault
from tests.tree import ROOT, load_yaml, relative, tracked

INVENTORIES = sorted(path for path in (ROOT / "inventories").iterdir() if path.is_dir())
VAULTED = ("ec2", "ha", "local", "staging")


def plain_vaults(files: dict[str, str]) -> list[str]:
    """Vaults among files (path -> text) that nobody encrypted."""
    return [path for path, text in files.items()
            if Path(path).name == "vault.yml" and not text.startswith("$ANSIBLE" + "_VAULT;")]


@pytest.mark.parametrize("name", ["local", "ha", "staging"])
def test_inventory_makes_a_sound_estate(name: str, tmp_path: Path) -> None:
    told = read(ROOT / "inventories" / name)
    assert told["groups"]["prometheus"] and told["groups"]["alertmanager"]
    assert set(told["groups"]["monitored"]) == set(told["hostvars"])
    if name in VAULTED:
        inventory, password = with_vault(name, tmp_path)
        assert not problems(inventory, ANSIBLE_VAULT_PASSWORD_FILE=str(password))
    else:
        assert not problems(ROOT / "inventories" / name)


def test_a_vault_that_is_missing_is_told_before_anything_changes() -> None:
    assert re.search(r"'vault_\w+' is undefined", problems(ROOT / "inventories" / "staging"))


def test_an_unsound_estate_is_told(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("prometheus: {hosts: {a: {obs_site: x, prometheus_listen_address: nowhere}}}\n")
    assert "prometheus_listen_address" in problems(tmp_path)


def test_environments_do_not_mix() -> None:
    ha, staging = (read(ROOT / "inventories" / name) for name in ("ha", "staging"))
    assert not set(ha["hostvars"]) & set(staging["hostvars"])
    sites = [{row["obs_site"] for row in told["hostvars"].values()} for told in (ha, staging)]
    assert not sites[0] & sites[1]
    addresses = [{row["ansible_host"] for row in told["hostvars"].values()} for told in (ha, staging)]
    assert not addresses[0] & addresses[1]


def test_every_folder_is_known_here() -> None:
    assert {path.name for path in INVENTORIES} >= {"local", *VAULTED}


def test_vault_opens_with_its_password_only(tmp_path: Path) -> None:
    inventory, password = with_vault("staging", tmp_path)
    ask = ("-i", inventory, "alertmanager", "-c", "local", "-m", "ansible.builtin.debug", "-a",
           "msg={{ alertmanager_secrets }}")
    opened = ansible("ansible", *ask, ANSIBLE_VAULT_PASSWORD_FILE=str(password))
    assert opened.returncode == 0, opened.stdout + opened.stderr
    assert "http://127.0.0.1:9/replace-me" in opened.stdout
    closed = ansible("ansible", *ask)
    assert closed.returncode != 0
    assert "no vault secrets" in (closed.stdout + closed.stderr).lower()


@pytest.mark.parametrize("name", VAULTED)
def test_examples_name_every_vaulted_variable(name: str) -> None:
    folder = ROOT / "inventories" / name
    offered = set(load_yaml((folder / "group_vars" / "all" / "vault.yml.example").read_text()))
    used = {word for path in tracked() if folder in path.parents and path.suffix == ".yml"
            for word in path.read_text().replace("{{", " ").split() if word.startswith("vault_")}
    assert offered == used


def test_no_vault_is_kept_in_the_clear() -> None:
    files = {relative(path): path.read_text() for path in tracked() if (ROOT / "inventories") in path.parents}
    assert not plain_vaults(files)
    assert plain_vaults({"inventories/x/group_vars/all/vault.yml": "vault_a: b\n"})
