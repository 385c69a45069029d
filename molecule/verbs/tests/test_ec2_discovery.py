"""The real Prometheus finds EC2 instances by their tags. It runs here on loopback, and so do the EC2 API and the
applications: the instances' private addresses are loopback ones, so that nothing is asked anywhere else."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import boto3
import botocore.config
import pytest
import yaml
from lab import STORE, wait_for
from moto.server import ThreadedMotoServer

from ansible_collections.obs.stack.plugins.module_utils import _estate

REGION = "eu-central-1"
# What is asked here is on loopback, whatever proxies this machine has.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers every path and remembers who was asked for what."""

    asked: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.asked.add("{}{}".format(self.server.server_address[0], self.path))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"lab_up 1\n")

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def free_port() -> int:
    """A TCP port that nothing listens on, on any of the loopback addresses used here."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The address of an EC2 API with a network whose addresses are loopback ones."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Ports at which applications answer: of the instance `shop`, which tells it, and the one for those that do not."""
    found = {"shop": free_port(), "plain": free_port()}
    addresses = [("127.0.0.11", found["shop"]), ("127.0.0.12", found["plain"])]
    servers = [http.server.ThreadingHTTPServer(address, Pages) for address in addresses]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    for server in servers:
        server.shutdown()
        server.server_close()


def client(api: str) -> Any:
    """A client of the EC2 API."""
    return boto3.client(
        "ec2",
        region_name=REGION,
        endpoint_url=api,
        aws_access_key_id="testing",
        aws_secret_access_key="canary",
        config=botocore.config.Config(proxies={}),
    )


@pytest.fixture(scope="module")
def instances(api: str, ports: dict[str, int]) -> dict[str, str]:
    """Instances by name: one that asks for everything, one that leaves all to the defaults, and three that are none."""
    ec2 = client(api)
    network = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=network, CidrBlock="127.0.0.0/24", AvailabilityZone=f"{REGION}b")["Subnet"]
    port = ports["shop"]
    scrape = {"prometheus.io/scrape": "true"}
    wanted = {
        "shop": (
            11,
            {**scrape, "prometheus.io/port": port, "prometheus.io/path": "/shop", "prometheus.io/job": "shop"},
        ),
        "plain": (12, scrape),
        "untagged": (13, {"prometheus.io/port": port}),
        "refusing": (14, {"prometheus.io/scrape": "false", "prometheus.io/port": port}),
        "stopped": (15, {**scrape, "prometheus.io/port": port}),
    }
    made = {}
    for name, (number, tags) in wanted.items():
        answer = ec2.run_instances(
            ImageId="ami-12345678",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet["SubnetId"],
            PrivateIpAddress=f"127.0.0.{number}",
            TagSpecifications=[
                {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": str(value)} for key, value in {"Name": name, **tags}.items()],
                }
            ],
        )
        made[name] = answer["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[made["stopped"]])
    return made


@pytest.fixture(scope="module")
def binary(lab: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prometheus as the artifact store has it."""
    version = lab["obs_lab_components"]["prometheus"]["version"]
    (archive,) = STORE.glob(f"mirror/github.com/prometheus/prometheus/releases/download/v{version}/*.tar.gz")
    program = tmp_path_factory.mktemp("prometheus") / "prometheus"
    with tarfile.open(archive) as handle:
        (member,) = [item for item in handle.getmembers() if item.name.endswith("/prometheus") and item.isfile()]
        content = handle.extractfile(member)
        assert content is not None
        program.write_bytes(content.read())
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def base(api: str, ports: dict[str, int], instances: dict[str, str], binary: Path) -> Iterator[str]:
    """A running Prometheus whose discovery is the one that the inventory derives."""
    item = {"region": REGION, "port": ports["plain"], "labels": {"team": "a"}}
    item.update(endpoint=api, refresh_interval="1s", access_key="testing", secret_key="canary")
    hostvars = {"mon": {"obs_site": "cloud", "obs_scrape_ec2": [item]}}
    derived = _estate.derive({"prometheus": ["mon"]}, hostvars, "mon")["prometheus"]
    jobs = [job for job in derived["scrape_configs"] if job["job_name"] == f"ec2-{REGION}"]
    configuration = binary.parent / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    url = f"http://127.0.0.1:{free_port()}"
    log = binary.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={binary.parent / 'data'}",
                f"--web.listen-address={url.partition('//')[2]}",
            ],
            stdout=output,
            stderr=output,
            # Nothing of this machine's own AWS settings. With AWS_CA_BUNDLE, discovery would not even start.
            env={"HOME": str(binary.parent), "AWS_EC2_METADATA_DISABLED": "true"},
        )
    try:
        wait_for("Prometheus that is ready", lambda: ready(url) or process.poll() is not None, seconds=30)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def ready(url: str) -> bool:
    """Whether a Prometheus answers."""
    try:
        with DIRECT.open(f"{url}/-/ready", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def targets(url: str) -> dict[str, Any]:
    """What Prometheus knows: active and dropped targets."""
    with DIRECT.open(f"{url}/api/v1/targets?state=any", timeout=5) as answer:
        return json.load(answer)["data"]


@pytest.fixture(scope="module")
def active(base: str) -> dict[str, dict[str, Any]]:
    """Targets by host, once there are two that are up."""

    def up() -> list[dict[str, Any]]:
        found = targets(base)["activeTargets"]
        return found if len(found) > 1 and {one["health"] for one in found} == {"up"} else []

    return {one["labels"]["host"]: one for one in wait_for("targets that are up", up, seconds=60)}


def test_running_and_tagged_instances_are_targets_and_no_others(active):
    assert set(active) == {"shop", "plain"}


def test_tags_set_address_path_and_job(active, ports):
    assert active["shop"]["scrapeUrl"] == f"http://127.0.0.11:{ports['shop']}/shop"
    assert "127.0.0.11/shop" in Pages.asked
    assert active["shop"]["labels"] == {
        "job": "shop",
        "instance": f"shop:{ports['shop']}",
        "host": "shop",
        "host_zone": f"{REGION}b",
        "site": "cloud",
        "team": "a",
    }


def test_without_tags_the_defaults_count(active, ports):
    assert active["plain"]["scrapeUrl"] == f"http://127.0.0.12:{ports['plain']}/metrics"
    assert active["plain"]["labels"]["job"] == f"ec2-{REGION}"


def test_what_is_left_out_is_shown_with_its_tags_and_what_is_stopped_is_not(active, base, instances):
    dropped = {one["discoveredLabels"]["__meta_ec2_instance_id"] for one in targets(base)["droppedTargets"]}
    assert dropped == {instances["untagged"], instances["refusing"]}


def test_an_instance_that_stops_goes_and_one_that_starts_comes(active, api, base, instances):
    client(api).stop_instances(InstanceIds=[instances["plain"]])
    client(api).start_instances(InstanceIds=[instances["stopped"]])
    wanted = {"shop", "stopped"}

    def hosts() -> bool:
        return {one["labels"]["host"] for one in targets(base)["activeTargets"]} == wanted

    wait_for("targets " + str(wanted), hosts, seconds=60)
