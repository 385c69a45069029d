# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Targets of pushes: secrets in files, everything else in upstream's keys."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._outgoing import outgoing

WORD = "-".join(("s3", "cret"))
URL = "https://logs.example.com/loki/api/v1/push"


def targets(*items: t.Any, base: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    return outgoing(items, name="promtail", variable="promtail_clients", base=base)


def test_plain_target_keeps_upstreams_keys_over_the_base() -> None:
    found = targets({"name": "a", "url": URL, "batchwait": "5s"}, base={"batchwait": "1s", "timeout": "9s"})
    assert found == {
        "targets": [{"batchwait": "5s", "timeout": "9s", "name": "a", "url": URL}],
        "files": [],
        "secrets": [],
    }


def test_password_and_certificates_become_files() -> None:
    found = targets(
        {
            "name": "a",
            "url": URL,
            "username": "web",
            "password": WORD,
            "ca": "files/ca.pem",
            "server_name": "logs",
            "certificate": "files/a.crt",
            "private_key": "files/a.key",
        }
    )
    assert found["targets"] == [
        {
            "name": "a",
            "url": URL,
            "tls_config": {
                "ca_file": "/etc/promtail/tls/a_ca.pem",
                "cert_file": "/etc/promtail/tls/a_client.crt",
                "key_file": "/etc/promtail/tls/a_client.key",
                "server_name": "logs",
            },
            "basic_auth": {"username": "web", "password_file": "/etc/promtail/secrets/a_password"},
        }
    ]
    assert [item["path"] for item in found["files"]] == ["tls/a_ca.pem", "tls/a_client.crt"]
    assert {item["path"] for item in found["secrets"]} == {"tls/a_client.key", "secrets/a_password"}
    assert WORD not in str(found["targets"])


def test_token() -> None:
    found = targets({"name": "a", "url": URL, "bearer_token": "t0ken"})
    assert found["targets"][0]["authorization"] == {
        "type": "Bearer",
        "credentials_file": "/etc/promtail/secrets/a_token",
    }
    assert found["secrets"][0]["content"] == "t0ken"


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["a"], "it is str"),
        ([{"url": URL}], "no name fit for a file"),
        ([{"name": "../a", "url": URL}], "no name fit for a file"),
        ([{"name": "a", "url": URL}] * 2, "'a' of promtail_clients: the name is there twice"),
        ([{"name": "a"}], "no http or https url"),
        ([{"name": "a", "url": "ftp://x"}], "no http or https url"),
        ([{"name": "a", "url": "https://u:p@x/"}], "its url holds credentials"),
        ([{"name": "a", "url": URL, "username": "u"}], "only one of username and password"),
        ([{"name": "a", "url": URL, "username": "u", "password": "p", "bearer_token": "t"}], "both a password"),
        ([{"name": "a", "url": URL, "certificate": "x"}], "only one of certificate and private_key"),
    ],
)
def test_refused(items: list[t.Any], words: str) -> None:
    with pytest.raises(StackError, match=words):
        targets(*items)
