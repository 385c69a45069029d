# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _tempo
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

LOCAL = {"grpc": "127.0.0.1:9097", "otlp_grpc": "127.0.0.1:4327", "otlp_http": "127.0.0.1:4328", "server_name": "t1"}
PAIR = {"certificate": "/c/t.crt", "private_key": "/c/t.key"}
MUTUAL = dict(PAIR, client_ca="/c/clients.pem")


@pytest.mark.parametrize(
    "given,wanted", [("14d", "336h"), ("2w", "336h"), ("336h", "336h"), ("1h30m", "1h30m"), (" 1d ", "24h")]
)
def test_go_duration(given, wanted):
    assert _tempo.go_duration(given) == wanted


def test_tempo_config_passes_what_may_run():
    config = {"live_store": {}, "overrides": {"defaults": {"metrics_generator": {"processors": ["span-metrics"]}}}}
    assert _tempo.tempo_config(config, version="3.0.3") == config
    assert _tempo.tempo_config({}, version="three") == {}  # release_service refuses that


@pytest.mark.parametrize(
    "config,named",
    [
        ({"ingester": {}}, "ingester"),
        ({"compactor": {"compaction": {}}}, "tempo_retention"),
        ({"metrics_generator": {"traces_storage": {"path": "/x"}}}, "metrics_generator.traces_storage"),
        ({"query_frontend": {"search": {"query_ingesters_until": "1h"}}}, "query_ingesters_until"),
        ({"overrides": {"max_traces_per_user": 1}}, "overrides.defaults"),
        ({"overrides": {"defaults": {"metrics_generator": {"processors": ["local-blocks"]}}}}, "local-blocks"),
    ],
)
def test_tempo_config_of_2_is_refused_by_name(config, named):
    with pytest.raises(StackError) as refusal:
        _tempo.tempo_config(config, version="3.0.3")
    assert named in str(refusal.value)


def test_legacy_overrides_may_be_asked_for():
    config = {"overrides": {"enable_legacy_overrides": True, "max_traces_per_user": 1}}
    assert _tempo.tempo_config(config, version="3.0.3") == config


@pytest.mark.parametrize("asked", [{"version": "2.10.8"}, {"version": "3.0.3", "instances": 2}])
def test_old_release_and_second_instance_are_refused(asked):
    with pytest.raises(StackError):
        _tempo.tempo_config({}, **asked)


def test_traces_stay_on_the_host_without_a_bucket():
    storage = _tempo.tempo_storage({}, "/data")
    assert storage["trace"]["backend"] == "local"
    assert storage["trace"]["local"] == {"path": "/data/blocks"}
    assert not storage["secrets"] and not storage["environment"]


def test_keys_of_a_bucket_are_a_secret_and_not_in_the_configuration():
    s3 = {"bucket": "b", "endpoint": "s3:8333", "access_key": "AK", "secret_key": "SK", "path_style": True, "ca": "/ca"}
    storage = _tempo.tempo_storage(s3, "/data")
    assert storage["trace"]["s3"] == {
        "bucket": "b",
        "endpoint": "s3:8333",
        "forcepathstyle": True,
        "tls_ca_path": "/etc/tempo/tls/s3-ca.pem",
    }
    assert "aws_secret_access_key: SK" in storage["secrets"][0]["content"]
    assert storage["environment"] == {"AWS_SHARED_CREDENTIALS_FILE": "/etc/tempo/" + storage["secrets"][0]["path"]}
    assert "SK" not in str(storage["trace"])


def test_a_bucket_without_keys_leaves_it_to_the_instance():
    storage = _tempo.tempo_storage({"bucket": "b", "endpoint": "s3:8333"}, "/data")
    assert not storage["secrets"] and not storage["environment"]


@pytest.mark.parametrize(
    "s3",
    [
        {"bucket": "b"},
        {"endpoint": "s3:8333"},
        {"bucket": "b", "endpoint": "https://s3:8333"},
        {"bucket": "b", "endpoint": "s3:8333", "access_key": "AK"},
    ],
)
def test_half_a_bucket_is_refused(s3):
    with pytest.raises(StackError, match="tempo_s3"):
        _tempo.tempo_storage(s3, "/data")


def test_loopback_needs_no_protection():
    access = _tempo.tempo_access("0.0.0.0:3200", tls={}, **LOCAL)
    assert access["receivers"]["otlp"]["protocols"] == {
        "grpc": {"endpoint": "127.0.0.1:4327"},
        "http": {"endpoint": "127.0.0.1:4328"},
    }
    assert access["probe"] == {"scheme": "http", "address": "127.0.0.1", "port": 3200}
    assert not access["files"] and not access["secrets"]


def test_no_receiver_where_none_is_wanted():
    access = _tempo.tempo_access("0.0.0.0:3200", tls={}, **{**LOCAL, "otlp_grpc": "", "otlp_http": ""})
    assert access["receivers"] == {}


def test_receivers_beyond_loopback_demand_client_certificates():
    access = _tempo.tempo_access("0.0.0.0:3200", tls=MUTUAL, **{**LOCAL, "otlp_grpc": "0.0.0.0:4327"})
    grpc = access["receivers"]["otlp"]["protocols"]["grpc"]
    assert grpc["endpoint"] == "0.0.0.0:4327"
    assert grpc["tls"]["client_ca_file"] == "/etc/tempo/tls/client-ca.pem"
    assert "client_ca_file" not in access["server"]["http_tls_config"]
    assert access["probe"]["scheme"] == "https" and access["probe"]["server_name"] == "t1"
    assert [item["path"] for item in access["secrets"]] == ["tls/server.key"]
    assert {item["on_change"] for item in access["files"] + access["secrets"]} == {"none"}


def test_the_api_demands_a_client_certificate_when_asked_to():
    tls = dict(MUTUAL, client_certificate="/c/p.crt", client_private_key="/c/p.key")
    access = _tempo.tempo_access("0.0.0.0:3200", tls=tls, api_client_auth=True, **LOCAL)
    assert access["server"]["http_tls_config"]["client_auth_type"] == "RequireAndVerifyClientCert"
    assert access["probe"]["client_cert"] == "tls/client.crt"


@pytest.mark.parametrize(
    "change",
    [
        {"otlp_grpc": ":4327"},
        {"otlp_http": "10.0.0.5:4328", "tls": PAIR},
        {"otlp_http": "10.0.0.5:4328", "tls": {"client_ca": "/c/clients.pem"}},
        {"tls": {"certificate": "/c/t.crt"}},
        {"tls": dict(MUTUAL, client_certificate="/c/p.crt")},
        {"tls": MUTUAL, "api_client_auth": True},
        {"otlp_grpc": "localhost"},
    ],
)
def test_what_anyone_could_write_to_is_refused(change):
    with pytest.raises(StackError):
        _tempo.tempo_access("0.0.0.0:3200", **dict(LOCAL, **dict({"tls": {}}, **change)))
