# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.obs.stack.plugins.plugin_utils._deploy_options import deploy_of, deploy_secrets

DEPLOY: dict[str, t.Any] = {
    "host": "a",
    "alertmanagers": [
        {"url": "http://b:9093", "username": "u", "password": "canary", "ca": ""},
        {"url": "http://a:9093", "service": "alertmanager"},
    ],
    "silences": {"toy": [["x"]], "alertmanager": [["y"]]},
}


def of(name: str, **more: t.Any) -> dict[str, t.Any]:
    return deploy_of({"name": name, "state": "started", "deploy": DEPLOY, **more})


def test_a_service_gets_its_own_silences_only() -> None:
    found = of("toy")
    assert found["silences"] == {"toy": [["x"]]} and len(found["alertmanagers"]) == 2
    assert found["alertmanagers"][0] == {"url": "http://b:9093", "username": "u", "password": "canary"}
    assert of("other") == {"host": "a", "alertmanagers": [], "silences": {}}
    assert deploy_secrets(found) == ["canary"]


def test_an_alertmanager_that_restarts_asks_the_others() -> None:
    assert [one["url"] for one in of("alertmanager")["alertmanagers"]] == ["http://b:9093"]
    alone = {**DEPLOY, "alertmanagers": DEPLOY["alertmanagers"][1:]}
    assert of("alertmanager", deploy=alone)["silences"] == {}


def test_nothing_crosses_where_no_service_is_changed() -> None:
    assert of("toy", mode="validate") == of("toy", state="absent") == {}
    assert of("toy", deploy=None)["alertmanagers"] == []


def test_certificates_are_read_on_the_controller(tmp_path: pathlib.Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    (tmp_path / "ca.pem").write_text(pem)
    one = {"url": "https://b:9093", "ca": str(tmp_path / "ca.pem"), "private_key": pem}
    (found,) = of("toy", deploy={**DEPLOY, "alertmanagers": [one]})["alertmanagers"]
    assert found == {"url": "https://b:9093", "ca": pem, "private_key": pem}
