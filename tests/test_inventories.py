# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventories make sound estates, keep their secrets in vaults, and find EC2's instances."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.tree import ROOT, load_yaml, relative, tracked

BIN = Path(sys.executable).parent
INVENTORIES = sorted(path for path in (ROOT / "inventories").iterdir() if path.is_dir())
VAULTED = ("ec2", "ha", "staging")
PASSWORD = "canary-of-a-vault"
KEY = "canary"  # the API on loopback takes any
PROBLEMS = """
import json, sys
from ansible_collections.obs.stack.plugins.module_utils._estate_problems import problems
told = json.load(sys.stdin)
print(json.dumps(problems(told["groups"], told["hostvars"])))
"""


def ansible(program: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs from the root of the repository, as a user would."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    # No credentials but those given here: neither files of the user nor the instance this may run on are asked.
    known.update(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_CONFIG_FILE=os.devnull)
    return subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**known, **environment})


def read(inventory: Path, **environment: str) -> dict[str, Any]:
    """All groups and variables of an inventory: {"groups": name -> hosts, "hostvars": host -> variables}."""
    done = ansible("ansible-inventory", "--list", "-i", inventory, **environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout, object_hook=lambda row: row.get("__ansible_unsafe", row))
    hostvars = told.pop("_meta")["hostvars"]
    groups = {name: row.get("hosts", []) for name, row in told.items()}
    groups["all"] = sorted(hostvars)
    return {"groups": groups, "hostvars": hostvars, "warnings": done.stderr}


def problems(told: dict[str, Any]) -> list[str]:
    """What the stack itself says against an inventory."""
    done = subprocess.run([sys.executable, "-c", PROBLEMS], input=json.dumps(told), capture_output=True, text=True,
                          check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "collections")})
    return json.loads(done.stdout)


def with_vault(name: str, folder: Path) -> tuple[Path, Path]:
    """A copy of an inventory whose example of a vault was copied and encrypted as it says itself; and the password."""
    copy = folder / name
    shutil.copytree(ROOT / "inventories" / name, copy)
    vault = copy / "group_vars" / "all" / "vault.yml"
    shutil.copy(vault.with_name("vault.yml.example"), vault)
    password = folder / "vault-password"
    password.write_text(PASSWORD)
    done = ansible("ansible-vault", "encrypt", vault, ANSIBLE_VAULT_PASSWORD_FILE=str(password))
    assert done.returncode == 0, done.stderr
    return copy, password


def plain_vaults(files: dict[str, str]) -> list[str]:
    """Vaults among files (path -> text) that nobody encrypted."""
    return [path for path, text in files.items()
            if Path(path).name == "vault.yml" and not text.startswith("$ANSIBLE" + "_VAULT;")]


@pytest.mark.parametrize("name", ["local", "ha", "staging"])
def test_inventory_makes_a_sound_estate(name: str) -> None:
    told = read(ROOT / "inventories" / name)
    assert told["groups"]["prometheus"] and told["groups"]["alertmanager"]
    assert set(told["groups"]["monitored"]) == set(told["hostvars"])
    assert not problems(told)


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


# (region, tags, zone, state): what an account holds that is only partly ours.
BERLIN, DUBLIN = "eu-central-1", "eu-west-1"
ACCOUNT = [
    (BERLIN, {"obs_name": "obs-a", "obs_site": "berlin", "obs_groups": "prometheus,alertmanager"}, "a", "running"),
    (BERLIN, {"obs_name": "obs-b", "obs_site": "berlin", "obs_groups": "prometheus, alertmanager"}, "b", "running"),
    (BERLIN, {"Name": "shop", "obs_site": "berlin"}, "a", "running"),
    (BERLIN, {"Name": "shop", "obs_site": "berlin", "obs_zone": "rack-7"}, "b", "running"),
    (BERLIN, {"Name": "old", "obs_site": "berlin", "obs_groups": "prometheus"}, "a", "stopped"),
    (BERLIN, {"Name": "foreign", "obs_groups": "prometheus"}, "a", "running"),
    (DUBLIN, {"obs_name": "obs-c", "obs_site": "dublin", "obs_groups": "prometheus alertmanager"}, "a", "running"),
    (DUBLIN, {"obs_site": "dublin"}, "b", "running"),
]


@pytest.fixture(scope="module")
def ec2() -> Iterator[dict[str, str]]:
    """An EC2 API on loopback with the instances of ACCOUNT; the environment that leads there."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for region, tags, zone, state in ACCOUNT:
        client = boto3.client("ec2", region_name=region, endpoint_url=address, aws_access_key_id=KEY,
                              aws_secret_access_key=KEY)
        tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
        run = client.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.small",
                                   Placement={"AvailabilityZone": region + zone},
                                   TagSpecifications=[{"ResourceType": "instance", "Tags": tagged}])
        if state == "stopped":
            client.stop_instances(InstanceIds=[run["Instances"][0]["InstanceId"]])
    yield {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_ENDPOINT_URL": address}
    server.stop()


@pytest.fixture(scope="module")
def found(ec2: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What inventories/ec2 makes of that account."""
    inventory, password = with_vault("ec2", tmp_path_factory.mktemp("ec2"))
    return read(inventory, **ec2, ANSIBLE_VAULT_PASSWORD_FILE=str(password))


def test_ec2_groups_are_what_the_tags_say(found: dict[str, Any]) -> None:
    groups = {name: sorted(hosts) for name, hosts in found["groups"].items()}
    assert groups["prometheus"] == groups["alertmanager"] == ["obs-a", "obs-b", "obs-c"]
    assert groups["monitored"] == groups["all"]
    dublin = [name for name, row in found["hostvars"].items() if row["obs_site"] == "dublin"]
    assert groups["site_dublin"] == sorted(dublin)
    assert set(groups["site_berlin"]) | set(groups["site_dublin"]) == set(groups["all"])


def test_ec2_holds_what_runs_and_is_ours(found: dict[str, Any]) -> None:
    names = sorted(found["hostvars"])
    assert len(names) == 6, "the stopped instance and the one without obs_site are no hosts"
    assert not [name for name in names if name.startswith(("old", "foreign"))]
    assert len([name for name in names if name.startswith("shop-i-")]) == 2, "one Name, and still two hosts"
    assert len([name for name in names if name.startswith("i-")]) == 1, "without a Name it is the instance id"


def test_ec2_says_where_a_host_is(found: dict[str, Any]) -> None:
    hosts = found["hostvars"]
    assert (hosts["obs-a"]["obs_site"], hosts["obs-a"]["obs_zone"]) == ("berlin", "eu-central-1a")
    assert (hosts["obs-c"]["obs_site"], hosts["obs-c"]["obs_zone"]) == ("dublin", "eu-west-1a")
    shops = [row["obs_zone"] for name, row in hosts.items() if name.startswith("shop")]
    assert sorted(shops) == ["eu-central-1a", "rack-7"], "a tag wins over the availability zone"
    for row in hosts.values():
        assert row["obs_address"] == row["ansible_host"] == row["ec2_private_ip_address"]


def test_ec2_makes_a_sound_estate(found: dict[str, Any]) -> None:
    assert not problems(found)
    # EC2's attributes do not shadow Ansible's own names, of which it would warn.
    assert "reserved" not in found["warnings"]


def test_ec2_graph_is_shown_by_ansible_inventory(ec2: dict[str, str]) -> None:
    done = ansible("ansible-inventory", "-i", ROOT / "inventories" / "ec2", "--graph", **ec2)
    assert done.returncode == 0, done.stderr
    shown = re.search(r"--@prometheus:\n((?:  \|  \|--.*\n)*)", done.stdout)
    assert shown and sorted(re.findall(r"--(\S+)", shown.group(1))) == ["obs-a", "obs-b", "obs-c"]


def test_ec2_without_an_answer_is_an_error_and_no_smaller_estate(tmp_path: Path) -> None:
    inventory = tmp_path / "ec2"
    shutil.copytree(ROOT / "inventories" / "ec2", inventory)
    # A second source that does answer must not hide it.
    (inventory / "hosts.yml").write_text("all: {children: {monitored: {hosts: {elsewhere: {}}}}}\n")
    done = ansible("ansible-inventory", "-i", inventory, "--graph", AWS_ENDPOINT_URL="http://127.0.0.1:9",
                   AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=KEY, AWS_MAX_ATTEMPTS="1")
    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stderr
