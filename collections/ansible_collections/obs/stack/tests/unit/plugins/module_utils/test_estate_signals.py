# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory becomes ways between services, stores, rings, agents and data sources; what is unsafe is named."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate,
    _estate_balanced,
    _estate_gateway,
    _estate_problems,
    _estate_signal_problems,
    _estate_signals,
    _estate_storage,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import EXTERNAL, Ways, tempo_otlp

Groups = dict[str, list[str]]
Vars = dict[str, dict[str, t.Any]]
ALL = ("prometheus", "alertmanager", "thanos_store", "thanos_compact", "thanos_query", "loki", "tempo", "otelcol")
ALL += ("monitored", "exporter", "grafana", "demo")
TLS = {"certificate": "own.crt", "private_key": "own.key", "ca": "ca.pem"}


def whole() -> tuple[Groups, Vars]:
    """One host with everything."""
    return {group: ["one"] for group in ALL}, {"one": {"obs_site": "local", "obs_address": "127.0.0.1"}}


def site() -> tuple[Groups, Vars]:
    """A site with TLS, a bucket, a ring of three, and a gateway."""
    groups: Groups = {
        "prometheus": ["a", "b"],
        "alertmanager": ["a", "b"],
        "thanos_query": ["a", "b"],
        "thanos_store": ["c"],
        "thanos_compact": ["c"],
        "loki": ["a", "b", "c"],
        "tempo": ["c"],
        "otelcol": ["c"],
        "grafana": ["d"],
        "gateway": ["d"],
        "monitored": ["a", "b", "c", "d", "e"],
    }
    everywhere = {
        "obs_tls": TLS,
        "obs_gateway_client": {"username": "stack", "password": "canary-gateway"},
        "obs_object_storage": {
            "endpoint": "s3.example.com:8333",
            "region": "r",
            "access_key": "k",
            "secret_key": "canary-bucket",
            "buckets": {"thanos": "metrics", "loki": "logs", "tempo": "traces"},
        },
        "prometheus_basic_auth_username": "web",
        "prometheus_basic_auth_password": "canary-web",
        "gateway_ports": {"grafana": 13000},
    }
    numbers = {name: f"10.0.0.{number}" for number, name in enumerate("abcde", 1)}
    return groups, {name: {"obs_address": address, **copy.deepcopy(everywhere)} for name, address in numbers.items()}


def derived(found: tuple[Groups, Vars], host: str) -> dict[str, t.Any]:
    return _estate.derive(*found, host)


def test_alone_everything_asks_everything_at_loopback() -> None:
    one = derived(whole(), "one")
    assert one["runs"] == [
        "prometheus", "alertmanager", "node_exporter", "thanos", "loki", "tempo", "otelcol", "otelcol-agent",
        "exporter", "grafana", "demo",
    ]  # fmt: skip
    assert one["listen"]["loki"] == one["listen"]["private"] == "127.0.0.1"
    assert one["listen"]["prometheus"] == "0.0.0.0"
    assert one["thanos"]["components"] == ["sidecar", "store", "compact", "query"]
    assert one["thanos"]["objstore"]["type"] == "FILESYSTEM"
    assert one["thanos"]["query_endpoints"] == []
    assert one["loki"]["members"] == [] and one["loki"]["s3"] == {}
    assert one["otelcol"] == {
        "traces_endpoint": {"url": "http://127.0.0.1:4328"},
        "logs_endpoint": {"url": "http://127.0.0.1:3100/otlp"},
        "metrics_endpoints": [{"url": "http://127.0.0.1:9090/api/v1/otlp"}],
        "resource_attributes": {"site": "local"},
    }
    assert one["otelcol_agent"]["logs_endpoint"] == {"url": "http://127.0.0.1:3100/otlp"}
    assert one["tempo"]["remote_write"] == [{"url": "http://127.0.0.1:9090/api/v1/write"}]
    assert one["demo"] == one["exporter"] == {"otlp_endpoint": "http://127.0.0.1:4318"}
    assert one["listen"]["exporter"] == "127.0.0.1"
    assert [(row["name"], row["url"]) for row in one["grafana"]["endpoints"]] == [
        ("Prometheus", "http://127.0.0.1:10904"),
        ("Loki", "http://127.0.0.1:3100"),
        ("Tempo", "http://127.0.0.1:3200"),
        ("Alertmanager", "http://127.0.0.1:9093"),
    ]


def test_every_prometheus_of_a_site_scrapes_its_exporters_and_no_other_s() -> None:
    groups, hostvars = site()
    groups["exporter"] = ["d", "e", "far"]
    hostvars["far"] = {"obs_site": "elsewhere"}
    hostvars["e"].update(exporter_listen_address="0.0.0.0:9921", obs_zone="z")
    for host in ("a", "b"):
        found = derived((groups, hostvars), host)["prometheus"]
        (job,) = [one for one in found["scrape_configs"] if one["job_name"] == "exporter"]
        assert [(one["targets"], one["labels"]["instance"]) for one in job["static_configs"]] == [
            (["10.0.0.4:9920"], "d:9920"),
            (["10.0.0.5:9921"], "e:9921"),
        ]
        assert job["scheme"] == "https" and job["tls_config"] == {"ca_file": "/etc/prometheus/ca/exporter.pem"}
        assert job["static_configs"][1]["labels"]["host_zone"] == "z"
    # Several hosts: it is on every address there, and so protected; its spans stay at home.
    e = derived((groups, hostvars), "e")
    assert e["listen"]["exporter"] == "0.0.0.0" and e["exporter"] == {"otlp_endpoint": ""}
    assert e["urls"]["exporter"] == "https://10.0.0.5:9921"


def test_a_sidecar_keeps_prometheus_from_compacting_and_the_collector_sends_it_otlp() -> None:
    assert derived(whole(), "one")["prometheus"]["flags"] == {
        "storage.tsdb.min-block-duration": "2h",
        "storage.tsdb.max-block-duration": "2h",
        "web.enable-otlp-receiver": True,
    }
    groups, hostvars = whole()
    small = {name: groups[name] for name in ("prometheus", "alertmanager", "monitored")}
    assert derived((small, hostvars), "one")["prometheus"]["flags"] == {}


def test_with_certificates_one_host_asks_itself_at_the_address_they_are_for() -> None:
    groups, hostvars = whole()
    hostvars["one"].update(obs_address="10.0.0.1", obs_tls=TLS)
    one = derived((groups, hostvars), "one")
    assert one["otelcol_agent"]["logs_endpoint"]["url"] == "https://10.0.0.1:3100/otlp"
    assert one["listen"]["loki"] == "0.0.0.0"
    # Still one host: its folders are enough.
    assert one["thanos"]["objstore"]["type"] == "FILESYSTEM"


def test_services_send_their_own_spans_to_a_collector_beside_them() -> None:
    one = derived(whole(), "one")
    assert [one[name]["otlp_address"] for name in ("prometheus", "thanos", "grafana")] == ["127.0.0.1:4317"] * 3
    # Beyond loopback it asks for a login that they have no file for.
    assert derived(site(), "c")["thanos"]["otlp_address"] == ""


def test_a_site_goes_through_its_gateway_with_its_own_user() -> None:
    agent = derived(site(), "e")["otelcol_agent"]["logs_endpoint"]
    assert agent == {
        "url": "https://10.0.0.4:3100/otlp",
        "ca": "ca.pem",
        "username": "stack",
        "password": "canary-gateway",
    }
    sources = {row["name"]: row["url"] for row in derived(site(), "d")["grafana"]["endpoints"]}
    assert sources == {
        "Prometheus": "https://10.0.0.4:10904",
        "Loki": "https://10.0.0.4:3100",
        "Tempo": "https://10.0.0.4:3200",
        "Alertmanager": "https://10.0.0.4:9093",
    }


def test_the_gateway_has_every_member_behind_it() -> None:
    served = {row["name"]: row for row in derived(site(), "d")["gateway"]["services"]}
    assert [one["address"] for one in served["loki"]["members"]] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert (served["loki"]["health"], served["loki"]["tls"], served["loki"]["authenticate"]) == ("/ready", True, True)
    # It asks for a login itself: the gateway shows its members', and asks who comes for one of its own.
    assert (served["prometheus"]["authenticate"], served["prometheus"]["username"]) == (True, "web")
    assert "/api/v1/write" in served["prometheus"]["deny_paths"] and served["loki"]["push_paths"]
    # A certificate is held against names only: the inventory's where the address is none.
    assert served["loki"]["members"][0]["server_name"] == "a"
    assert served["grafana"]["authenticate"] is False
    assert (served["otlp-grpc"]["protocol"], served["otlp-grpc"]["members"][0]["port"]) == ("grpc", 4317)
    assert served["grafana"]["port"] == 13000
    assert derived(site(), "d")["gateway"]["users"] == {"stack": "canary-gateway"}


def test_members_at_a_name_are_asked_by_it() -> None:
    groups, hostvars = site()
    hostvars["a"]["obs_address"] = "a.example.com"
    served = {row["name"]: row for row in derived((groups, hostvars), "d")["gateway"]["services"]}
    assert served["loki"]["members"][0]["server_name"] == "a.example.com"


def test_query_leaves_out_the_labels_in_which_replicas_differ() -> None:
    groups, hostvars = site()
    assert derived((groups, hostvars), "a")["thanos"]["replica_labels"] == ["replica"]
    hostvars["a"]["obs_zone"], hostvars["b"]["obs_zone"] = "x", "y"
    assert derived((groups, hostvars), "c")["thanos"]["replica_labels"] == ["replica", "zone"]


def test_what_is_balanced_has_a_port_of_its_own_that_the_inventory_may_move() -> None:
    rows = _estate_balanced.BALANCED
    assert len({row.port for row in rows}) == len({row.name for row in rows}) == len(rows)
    assert _estate_balanced.gateway_port(rows[0], {"gateway_ports": {rows[0].name: "13100"}}) == 13100


def test_a_site_without_members_has_nothing_behind_its_gateway() -> None:
    groups, hostvars = {"gateway": ["g"]}, {"g": {}}
    assert _estate_gateway.gateway(Ways(groups, hostvars, "g")) == {"services": [], "users": {}}


def test_an_address_for_the_gateway_is_what_clients_use() -> None:
    groups, hostvars = site()
    hostvars["e"]["obs_gateway_address"] = "obs.example.com"
    assert (
        derived((groups, hostvars), "e")["otelcol_agent"]["logs_endpoint"]["url"] == "https://obs.example.com:3100/otlp"
    )


def test_a_balancer_of_the_users_wins_over_the_gateway_and_his_own_service_over_both() -> None:
    groups, hostvars = site()
    hostvars["e"]["obs_endpoints"] = {"loki": "https://lb.example.com/"}
    hostvars["e"]["obs_endpoints_ca"] = "lb.pem"
    told = derived((groups, hostvars), "e")["otelcol_agent"]["logs_endpoint"]
    # Members demand a certificate; what is in front passes it or has its own.
    assert (told["url"], told["ca"]) == ("https://lb.example.com/otlp", "lb.pem")
    hostvars["e"]["obs_external"] = [
        {"service": "loki", "url": "https://logs.example.com/", "bearer_token": "canary-t"}
    ]
    told = derived((groups, hostvars), "e")["otelcol_agent"]["logs_endpoint"]
    assert told == {"url": "https://logs.example.com/otlp", "bearer_token": "canary-t"}


def test_an_external_loki_is_enough_for_a_log_agent() -> None:
    groups, hostvars = {"monitored": ["x"], "prometheus": ["x"]}, {"x": {}}
    assert "otelcol-agent" not in derived((groups, hostvars), "x")["runs"]
    theirs = {"x": {"obs_external": [{"service": "loki", "url": "https://logs.example.com"}]}}
    assert "otelcol-agent" in derived((groups, theirs), "x")["runs"]


def test_the_chosen_agent_runs_and_only_that() -> None:
    groups, hostvars = whole()
    hostvars["one"]["obs_log_agent"] = "promtail"
    one = derived((groups, hostvars), "one")
    assert "promtail" in one["runs"] and "otelcol-agent" not in one["runs"]
    assert one["promtail"]["clients"] == [{"name": "loki", "url": "http://127.0.0.1:3100/loki/api/v1/push"}]
    assert one["promtail"]["labels"] == {"site": "local", "host": "one", "instance": "one"}


def test_samples_of_others_go_to_every_replica_with_its_login() -> None:
    one = derived(site(), "c")
    assert [row["url"] for row in one["loki"]["remote_write"]] == [
        "https://10.0.0.1:9090/api/v1/write",
        "https://10.0.0.2:9090/api/v1/write",
    ]
    first = one["tempo"]["remote_write"][0]
    assert first["basic_auth"] == {"username": "web", "password_file": "/etc/tempo/secrets/write-1"}
    assert first["tls_config"] == {"ca_file": "/etc/tempo/tls/write-1-ca.pem"}
    assert one["tempo"]["secrets"][0] == {"path": "secrets/write-1", "content": "canary-web"}
    assert len(one["otelcol"]["metrics_endpoints"]) == 2


def test_a_ring_of_three_knows_its_members_and_its_bucket() -> None:
    loki = derived(site(), "b")["loki"]
    assert loki["members"] == ["10.0.0.1:7946", "10.0.0.2:7946", "10.0.0.3:7946"]
    assert loki["advertise_address"] == "10.0.0.2"
    assert loki["s3"]["bucketnames"] == "logs" and loki["s3"]["s3forcepathstyle"] is True
    assert loki["alertmanagers"]["urls"] == ["https://10.0.0.1:9093", "https://10.0.0.2:9093"]


def test_query_knows_all_that_answer_for_samples() -> None:
    thanos = derived(site(), "a")["thanos"]
    assert thanos["components"] == ["sidecar", "query"]
    assert thanos["query_endpoints"] == ["10.0.0.1:10901", "10.0.0.2:10901", "10.0.0.3:10905"]
    assert thanos["sidecar_prometheus"] == {
        "url": "https://10.0.0.1:9090",
        "ca": "ca.pem",
        "username": "web",
        "password": "canary-web",
        "server_name": "10.0.0.1",
    }


def test_what_demands_a_certificate_is_scraped_with_prometheus_own() -> None:
    jobs = {job["job_name"]: job for job in derived(site(), "a")["prometheus"]["scrape_configs"]}
    assert jobs["loki"]["tls_config"] == {
        "ca_file": "/etc/prometheus/ca/loki.pem",
        "cert_file": "/etc/prometheus/tls/server.crt",
        "key_file": "/etc/prometheus/tls/server.key",
    }
    assert "cert_file" not in jobs["thanos-query"]["tls_config"]
    # The collector shows its own metrics without TLS.
    assert "tls_config" not in jobs["otelcol"]


def test_traces_go_to_the_receiver_with_a_certificate_to_show() -> None:
    way = tempo_otlp(Ways(*site(), "c"))
    assert way is not None
    assert way.options() == {
        "url": "https://10.0.0.3:4328",
        "ca": "ca.pem",
        "certificate": "own.crt",
        "private_key": "own.key",
    }


def test_a_tempo_of_the_users_may_take_otlp_elsewhere() -> None:
    groups, hostvars = whole()
    hostvars["one"]["obs_external"] = [{"service": "tempo", "url": "https://t/", "otlp_url": "https://otlp/"}]
    told = derived((groups, hostvars), "one")
    assert told["otelcol"]["traces_endpoint"] == {"url": "https://otlp"}
    assert told["grafana"]["endpoints"][2]["url"] == "https://t"


def test_samples_go_to_the_users_own_as_well() -> None:
    groups, hostvars = whole()
    item = {"service": "remote_write", "url": "https://far/api/v1/write", "username": "u", "password": "canary-far"}
    hostvars["one"]["obs_external"] = [item]
    told = derived((groups, hostvars), "one")["prometheus"]
    assert told["remote_write"] == [
        {
            "name": "external-1",
            "url": "https://far/api/v1/write",
            "basic_auth": {"username": "u", "password_file": "/etc/prometheus/secrets/write-1"},
        }
    ]
    assert {"path": "secrets/write-1", "content": "canary-far"} in told["secrets"]


def test_an_alertmanager_of_the_users_is_told() -> None:
    groups, hostvars = whole()
    del groups["alertmanager"]
    hostvars["one"]["obs_external"] = [{"service": "alertmanager", "url": "https://am.example.com/x"}]
    assert derived((groups, hostvars), "one")["prometheus"]["alertmanagers"] == [
        {"scheme": "https", "path_prefix": "/x", "static_configs": [{"targets": ["am.example.com:443"]}]}
    ]


def test_storage_in_each_roles_own_words() -> None:
    variables = site()[1]["a"]
    assert _estate_storage.thanos_objstore(variables, alone=False) == {
        "type": "S3",
        "config": {
            "bucket": "metrics",
            "endpoint": "s3.example.com:8333",
            "region": "r",
            "access_key": "k",
            "secret_key": "canary-bucket",
        },
    }
    assert _estate_storage.tempo_s3(variables)["path_style"] is True
    aws = {"obs_object_storage": {"endpoint": "s3.eu-central-1.amazonaws.com", "buckets": {"tempo": "x"}}}
    assert "path_style" not in _estate_storage.tempo_s3(aws)
    assert _estate_storage.thanos_objstore({}, alone=False) == {}
    assert _estate_storage.thanos_objstore({"obs_object_storage": {"type": "filesystem"}}, alone=True)["type"] == (
        "FILESYSTEM"
    )


def problems(found: tuple[Groups, Vars]) -> list[str]:
    return _estate_problems.problems(*found)


def test_both_estates_are_sound() -> None:
    assert problems(site()) == []
    groups, hostvars = whole()
    hostvars["one"]["obs_listen_address"] = "127.0.0.1"
    assert problems((groups, hostvars)) == []


def test_one_bucket_has_one_compactor_and_one_tempo() -> None:
    groups, hostvars = site()
    groups["thanos_compact"] = ["b", "c"]
    groups["tempo"] = ["b", "c"]
    found = problems((groups, hostvars))
    assert [words for words in found if "b and c would compact the same bucket s3.example.com:8333/metrics" in words]
    assert [words for words in found if "b and c would run Tempo on the same bucket" in words]
    # In another site, over another bucket, it is another matter.
    hostvars["b"]["obs_object_storage"]["buckets"] = {"thanos": "m2", "loki": "logs", "tempo": "t2"}
    assert not [words for words in problems((groups, hostvars)) if "same bucket" in words]
    assert _estate_signals.same_store(Ways(groups, hostvars, "c")) == ["c"]


def test_prometheus_may_not_take_samples_from_anybody() -> None:
    groups, hostvars = whole()
    assert "would take samples from anybody who reaches 127.0.0.1:9090" not in "".join(problems((groups, hostvars)))
    hostvars["one"]["obs_address"] = "10.0.0.1"
    assert (
        "prometheus on one would take samples from anybody who reaches 10.0.0.1:9090" in problems((groups, hostvars))[0]
    )
    hostvars["one"]["prometheus_remote_write_receiver"] = False
    assert problems((groups, hostvars)) == []


def test_a_pushgateway_may_not_take_metrics_from_anybody() -> None:
    groups, hostvars = whole()
    groups["pushgateway"] = ["one"]
    assert problems((groups, hostvars)) == [], "a site of one host keeps it on loopback"
    groups["monitored"] = [*groups["monitored"], "two"]
    hostvars["two"] = {"obs_site": hostvars["one"]["obs_site"], "obs_address": "10.0.0.2"}
    hostvars["one"]["obs_address"] = "10.0.0.1"
    words = "pushgateway on one would take metrics from anybody who reaches 10.0.0.1:9091"
    assert words in "".join(problems((groups, hostvars)))
    for way_out in (
        {"pushgateway_basic_auth_username": "batch"},
        {"pushgateway_allow_unauthenticated": True},
        {"pushgateway_web_config": {"tls_server_config": {"client_auth_type": "RequireAndVerifyClientCert"}}},
    ):
        assert words not in "".join(problems((groups, {**hostvars, "one": {**hostvars["one"], **way_out}})))


@pytest.mark.parametrize("owner", ["thanos", "loki"])
def test_several_hosts_need_a_bucket(owner: str) -> None:
    groups, hostvars = site()
    for variables in hostvars.values():
        del variables["obs_object_storage"]["buckets"][owner]
    assert f"Set obs_object_storage with buckets.{owner}" in "".join(problems((groups, hostvars)))


def test_a_prometheus_without_a_certificate_cannot_ask_who_demands_one() -> None:
    groups, hostvars = site()
    for host in "ab":
        hostvars[host]["prometheus_tls"] = {}
    assert "Prometheus on a has none to show" in "".join(problems((groups, hostvars)))


def test_a_gateway_takes_no_port_of_its_own_host_and_knows_the_stack() -> None:
    groups, hostvars = site()
    del hostvars["d"]["gateway_ports"]
    assert "gateway and grafana on d would both listen on port 3000" in "".join(problems((groups, hostvars)))
    del hostvars["d"]["obs_gateway_client"]
    assert "knows no user as whom the stack itself asks" in "".join(problems((groups, hostvars)))


def test_an_agent_nobody_knows_is_refused() -> None:
    groups, hostvars = whole()
    hostvars["one"].update(obs_log_agent="fluentd", obs_listen_address="127.0.0.1")
    assert _estate_signal_problems.problems(groups, hostvars) == [
        "obs_log_agent of one is 'fluentd'. Set it to one of otelcol, promtail."
    ]


def test_what_may_be_the_users_own_is_specified_alike() -> None:
    assert set(EXTERNAL) == {"loki", "tempo", "prometheus", "alertmanager", "grafana", "remote_write"}
