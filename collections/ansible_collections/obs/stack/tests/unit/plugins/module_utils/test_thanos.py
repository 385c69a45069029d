# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""module_utils/_thanos.py: object storage, retention, the one compactor."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _thanos
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

S3 = {"type": "S3", "config": {"bucket": "metrics", "endpoint": "s3.example.com", "region": "eu-central-1"}}
KEYS = {"access_key": "AKIAEXAMPLE", "secret_key": "canary-secret"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0d", 0), ("40h", 144000), ("10d", 864000), ("1h30m", 5400), ("2w", 1209600), ("1y", 31536000)],
)
def test_durations_are_those_of_thanos(text, seconds):
    assert _thanos.duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "ten days", "10", "30m1h", "-1d", "1.5h", "d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(StackError, match="thanos_x"):
        _thanos.duration_seconds(text, "thanos_x")


def test_retention_becomes_flags():
    assert _thanos.retention("10d", "0d", "1y") == {
        "retention.resolution-raw": "10d",
        "retention.resolution-5m": "0d",
        "retention.resolution-1h": "1y",
    }


@pytest.mark.parametrize(
    ("values", "level"),
    [(("9d", "90d", "1y"), "raw"), (("39h", "90d", "1y"), "raw"), (("30d", "239h", "1y"), "5m")],
)
def test_retention_that_ends_before_downsampling_is_refused_with_the_reason(values, level):
    with pytest.raises(StackError) as caught:
        _thanos.retention(*values)
    assert f"Could not keep {level} blocks" in str(caught.value)
    assert "10 days long" in str(caught.value)
    assert f"thanos_compact_retention_{level}" in str(caught.value)


def test_short_retention_is_fine_where_nothing_is_downsampled_and_at_the_last_resolution():
    assert _thanos.retention("2d", "2d", "2d", downsampling=False)["retention.resolution-raw"] == "2d"
    assert _thanos.retention("30d", "30d", "5d")["retention.resolution-1h"] == "5d"


def test_stores_stop_reading_before_the_compactor_deletes():
    assert _thanos.deletion("48h", "24h") == {"delete-delay": "48h", "ignore-deletion-marks-delay": "24h"}
    for late in ("48h", "3d"):
        with pytest.raises(StackError, match="missing blocks"):
            _thanos.deletion("48h", late)


def test_a_bucket_has_one_compactor():
    assert _thanos.one_compactor([]) == ""
    assert _thanos.one_compactor(["a", "a"]) == "a"
    with pytest.raises(StackError, match="Could not run the compactor on a and b"):
        _thanos.one_compactor(["a", "b"])


def test_files_go_to_the_components_they_name():
    items = [{"path": "all", "components": []}, {"path": "one", "components": ["rule"], "mode": None}]
    assert _thanos.files_for(items, "rule") == [{"path": "all"}, {"path": "one"}]
    assert _thanos.files_for(items, "store") == [{"path": "all"}]


def test_no_storage_is_nothing_or_refused():
    none = _thanos.objstore({}, service="thanos-sidecar")
    assert none["config_file"] is None
    assert none["questions"] == none["files"] == none["secrets"] == []
    with pytest.raises(StackError, match="Could not run thanos-store without object storage"):
        _thanos.objstore({}, service="thanos-store", required=True)


def test_folder_is_no_secret_and_no_question():
    found = _thanos.objstore({"type": "filesystem", "config": {"directory": "/srv/b"}}, service="thanos-store")
    assert found["directory"] == "/srv/b"
    assert found["files"][0]["data"] == {"type": "FILESYSTEM", "config": {"directory": "/srv/b"}}
    assert not found["secrets"] and not found["questions"]


def test_bucket_without_keys_is_asked_with_what_the_host_has():
    found = _thanos.objstore(S3, service="thanos-store")
    assert found["secrets"] == [] and found["environment"] == {}
    assert found["files"][0]["data"] == S3
    (question,) = found["questions"]
    assert question["name"] == "bucket metrics at s3.example.com"
    assert question["argv"][:4] == ["thanos", "tools", "bucket", "ls"]


def test_keys_of_a_bucket_are_a_file_of_their_own_and_nowhere_else():
    config = dict(S3, config={**S3["config"], **KEYS, "session_token": "t"}, prefix="p")
    found = _thanos.objstore(config, service="thanos-store")
    (secret,) = found["secrets"]
    assert secret["content"].splitlines() == [
        "[default]",
        "aws_access_key_id = AKIAEXAMPLE",
        "aws_secret_access_key = canary-secret",
        "aws_session_token = t",
    ]
    assert secret["on_change"] == "restart"
    assert found["environment"] == {"AWS_SHARED_CREDENTIALS_FILE": "/etc/thanos-store/secrets/aws_credentials"}
    assert found["files"][0]["data"] == dict(S3, prefix="p")
    assert "canary" not in str(found["files"]) + str(found["questions"])
    assert config["config"]["secret_key"] == "canary-secret", "what the user gave is not changed"


@pytest.mark.parametrize(
    "config",
    [
        {"type": "GCS", "config": {"bucket": "b", "service_account": "canary"}},
        dict(S3, config={**S3["config"], "sse_config": {"type": "SSE-C", "encryption_key": "canary"}}),
    ],
)
def test_configuration_that_holds_secrets_is_one(config):
    found = _thanos.objstore(config, service="thanos-store")
    assert found["files"] == []
    assert [item["path"] for item in found["secrets"]] == ["objstore.yml"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"type": "S3", "config": {}, "buckets": 1}, "unknown key 'buckets'"),
        ({"type": "S4", "config": {}}, "type is 'S4'"),
        ({"type": "S3"}, "config is no dictionary"),
        ({"type": "FILESYSTEM", "config": {"directory": "/b", "x": 1}}, "unknown key 'x'"),
        ({"type": "FILESYSTEM", "config": {"directory": "b"}}, "absolute"),
        ({"type": "FILESYSTEM", "config": {"directory": "/b; rm"}}, "absolute"),
        ({"type": "FILESYSTEM", "config": {"directory": "/b/../etc"}}, "absolute"),
        ({"type": "S3", "config": {"endpoint": "x"}}, "no bucket"),
        ({"type": "S3", "config": {"bucket": "x"}}, "no endpoint"),
        ({"type": "S3", "config": {"bucket": "x", "endpoint": "https://x"}}, "no host:port"),
        ({"type": "S3", "config": {"bucket": "x", "endpoint": "x", "access_key": "a"}}, "only one of"),
        ({"type": "S3", "config": {"bucket": "x", "endpoint": "x", "aws_sdk_auth": True, **KEYS}}, "aws_sdk_auth"),
    ],
)
def test_storage_that_cannot_work_is_refused(config, words):
    with pytest.raises(StackError) as caught:
        _thanos.objstore(config, service="thanos-store")
    assert "thanos_objstore" in str(caught.value)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)
