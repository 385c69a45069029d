# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_datasource."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_datasource

PATH = "/api/datasources/uid/prom"
PROM = {
    "id": 1,
    "uid": "prom",
    "name": "Prom",
    "type": "prometheus",
    "access": "proxy",
    "url": "http://p",
    "isDefault": True,
    "basicAuth": False,
    "jsonData": {"httpMethod": "POST", "theirs": 1},
    "secureJsonFields": {"token": True},
    "version": 4,
    "readOnly": False,
}
WISH = {"name": "Prom", "uid": "prom", "ds_type": "prometheus", "ds_url": "http://p"}


def test_what_is_not_named_is_not_looked_at(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, PROM)
    result = ask(grafana_datasource, **WISH, json_data={"httpMethod": "POST"}, secure_json_data={"token": "canary-1"})
    assert (result["failed"], result["changed"], grafana.written) == (False, False, [])
    assert result["datasource"]["secureJsonData"] == {"token": "(set)"}


def test_the_whole_is_written_with_the_version_that_was_read(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, PROM)
    grafana.on("PUT " + PATH, {"datasource": {**PROM, "version": 5}})
    result = ask(grafana_datasource, **WISH, json_data={"ours": True})
    ((request, body),) = grafana.written
    assert request == "PUT " + PATH and body["version"] == 4 and body["isDefault"] is True
    assert body["jsonData"] == {"httpMethod": "POST", "theirs": 1, "ours": True}
    assert "secureJsonData" not in body and result["datasource"]["version"] == 5


def test_secret_is_sent_and_never_told(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, PROM)
    grafana.on("PUT " + PATH, {"datasource": PROM})
    result = ask(grafana_datasource, **WISH, secure_json_data={"token": "canary-1"}, fingerprint_key="canary-key")
    ((_request, body),) = grafana.written
    assert body["secureJsonData"] == {"token": "canary-1"}
    assert len(body["jsonData"]["obsStackFingerprints"]["token"]) == 64
    assert result["diff"]["after"]["secureJsonData"] == {"token": "(changed)"}
    assert "canary" not in json.dumps({key: result[key] for key in ("diff", "datasource")})


def test_read_only_names_where_it_comes_from(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, {**PROM, "readOnly": True})
    assert not ask(grafana_datasource, **WISH)["failed"]
    for options in ({"is_default": False}, {"state": "absent"}):
        result = ask(grafana_datasource, **WISH, **options, check_mode=True)
        assert result["failed"] and "provisioning/datasources" in result["msg"]


def test_alias_of_a_type_is_the_type(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, {**PROM, "type": "grafana-postgresql-datasource"})
    assert not ask(grafana_datasource, **{**WISH, "ds_type": "postgres"})["changed"]


def test_conflict_is_read_and_planned_once_more(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET " + PATH, PROM, {**PROM, "version": 7, "jsonData": {"newer": 1}})
    refused = (409, {"message": "Datasource has already been updated by someone else. Please reload and try again"})
    grafana.on("PUT " + PATH, refused, {"datasource": PROM})
    assert ask(grafana_datasource, **WISH, json_data={"ours": 1})["changed"]
    assert grafana.written[1][1]["version"] == 7 and grafana.written[1][1]["jsonData"] == {"newer": 1, "ours": 1}
    grafana.on("PUT " + PATH, refused)
    result = ask(grafana_datasource, **WISH, json_data={"more": 1})
    assert "HTTP 409 Datasource has already been updated" in result["msg"]


def test_new_one_needs_a_type(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources", [])
    assert "no ds_type is given" in ask(grafana_datasource, name="x")["msg"]
