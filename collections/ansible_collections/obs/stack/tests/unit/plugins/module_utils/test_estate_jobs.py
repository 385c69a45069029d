# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job's configuration names files, and those files hold its CA and secrets."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _estate_jobs
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import Access

PEM = "-----BEGIN CERTIFICATE-----"
CA = {"ca_file": "/etc/prometheus/ca/shop.pem"}


@pytest.mark.parametrize(
    ("access", "tls", "config", "paths"),
    [
        (Access(), False, {}, []),
        (Access(), True, {}, []),
        (Access(ca=PEM), False, {}, []),
        (Access(ca=PEM), True, {"tls_config": CA}, ["ca/shop.pem"]),
        (
            Access(username="m", password="canary"),
            False,
            {"basic_auth": {"username": "m", "password_file": "/etc/prometheus/secrets/scrape_shop_password"}},
            ["secrets/scrape_shop_password"],
        ),
        (
            Access(bearer_token="canary"),
            False,
            {"authorization": {"credentials_file": "/etc/prometheus/secrets/scrape_shop_token"}},
            ["secrets/scrape_shop_token"],
        ),
    ],
)
def test_access_is_told_by_files(access: Access, tls: bool, config: dict[str, t.Any], paths: list[str]) -> None:
    assert _estate_jobs.client("shop", access, tls=tls) == config
    assert "canary" not in str(config)
    files = _estate_jobs.access_files("shop", access, tls=tls)
    assert [item["path"] for item in files["files"] + files["secrets"]] == paths
    assert all(item["content"] == "canary" for item in files["secrets"])
