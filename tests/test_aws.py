# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EC2 inventory and the policies of docs/aws.md, against an AWS API on loopback."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication
from moto.server import ThreadedMotoServer

from tests.estates import ansible, problems, read, with_vault
from tests.tree import COLLECTION, ROOT

BUCKET = "example-metrics"  # as in the policies
KEY = "canary"  # where nobody is asked who they are, any will do
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


def policies() -> dict[str, str]:
    """The policies of docs/aws.md by the name in the comment before each."""
    text = (COLLECTION / "docs" / "aws.md").read_text()
    return dict(re.findall(r"<!-- policy: ([\w ]+) -->\n```json\n(.*?)```", text, re.DOTALL))


def client(address: str, service: str, region: str = BERLIN, key: tuple[str, str] = (KEY, KEY)) -> Any:
    """A client of one service of the API on loopback."""
    return boto3.client(service, region_name=region, endpoint_url=address, aws_access_key_id=key[0],
                        aws_secret_access_key=key[1])


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of an API on loopback with the instances of ACCOUNT."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for region, tags, zone, state in ACCOUNT:
        tagged = [{"Key": key, "Value": value} for key, value in tags.items()]
        run = client(address, "ec2", region).run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.small",
            Placement={"AvailabilityZone": region + zone},
            TagSpecifications=[{"ResourceType": "instance", "Tags": tagged}])
        if state == "stopped":
            client(address, "ec2", region).stop_instances(InstanceIds=[run["Instances"][0]["InstanceId"]])
    client(address, "s3", "us-east-1").create_bucket(Bucket=BUCKET)
    yield address
    server.stop()


@pytest.fixture(scope="module")
def ec2(aws: str) -> dict[str, str]:
    """The environment that leads Ansible to that API."""
    return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_ENDPOINT_URL": aws}


def user_with(address: str, policy: str) -> tuple[str, str]:
    """A new user who may do what a policy of the page says, or nothing; the two halves of the key."""
    iam = client(address, "iam")
    name = f"{policy.replace(' ', '-') or 'nobody'}-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=policies()[policy])
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


def refused(call: Any, **arguments: Any) -> bool:
    """Whether the API refuses a call for lack of a permission; any other error is raised."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "UnauthorizedOperation"):
            raise
        return True
    return False


@pytest.fixture(scope="module")
def found(ec2: dict[str, str]) -> dict[str, Any]:
    """What inventories/ec2 makes of that account."""
    return read(ROOT / "inventories" / "ec2", **ec2)


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


def test_ec2_makes_a_sound_estate(ec2: dict[str, str], found: dict[str, Any], tmp_path: Path) -> None:
    inventory, password = with_vault("ec2", tmp_path)
    assert not problems(inventory, **ec2, ANSIBLE_VAULT_PASSWORD_FILE=str(password))
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


def test_every_policy_is_json_and_names_what_it_allows() -> None:
    assert set(policies()) == {"discovery", "bucket writer", "bucket reader", "trust"}
    for name, text in policies().items():
        policy = json.loads(text)
        assert policy["Version"] == "2012-10-17"
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action], f"{name}: more than is needed"
            # EC2's Describe actions alone know no resources.
            assert statement.get("Resource") != "*" or all(action.startswith("ec2:Describe") for action in actions)


def test_the_page_shows_the_inventory_as_it_is() -> None:
    shown = (ROOT / "inventories" / "ec2" / "aws_ec2.yml").read_text()
    assert f"```yaml\n{shown}```" in (COLLECTION / "docs" / "aws.md").read_text()


def test_discovery_is_enough_for_the_inventory_and_for_nothing_else(aws: str) -> None:
    inventory = ("ansible-inventory", "-i", ROOT / "inventories" / "ec2", "--graph")
    found = {}
    keys = {name: user_with(aws, name) for name in ("discovery", "")}
    with enable_iam_authentication():
        for name, (key, secret) in keys.items():
            found[name] = ansible(*inventory, AWS_ENDPOINT_URL=aws, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
        ours = client(aws, "ec2", key=keys["discovery"])
        assert not refused(ours.describe_availability_zones)
        assert refused(ours.describe_vpcs)
        assert refused(ours.run_instances, ImageId="ami-12c6146b", MinCount=1, MaxCount=1)
    assert found["discovery"].returncode == 0 and "obs-a" in found["discovery"].stdout, found["discovery"].stderr
    assert found[""].returncode != 0
    assert "not authorized" in found[""].stderr


def test_writer_writes_and_reader_only_reads(aws: str) -> None:
    keys = {name: user_with(aws, name) for name in ("bucket writer", "bucket reader")}
    there = {"Bucket": BUCKET, "Key": "block/meta.json"}
    with enable_iam_authentication():
        writer, reader = (client(aws, "s3", key=keys[name]) for name in ("bucket writer", "bucket reader"))
        assert not refused(writer.put_object, **there, Body=b"{}")
        for one in (writer, reader):
            assert not refused(one.list_objects_v2, Bucket=BUCKET)
            assert not refused(one.get_object, **there)
        assert refused(reader.put_object, **there, Body=b"{}")
        assert refused(reader.delete_object, **there)
        assert not refused(writer.delete_object, **there)
        assert refused(writer.delete_bucket, Bucket=BUCKET)


def test_the_service_of_ec2_may_take_the_role(aws: str) -> None:
    role = client(aws, "iam").create_role(RoleName="prometheus", AssumeRolePolicyDocument=policies()["trust"])
    assert role["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
