# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Grafana's data sources from the addresses of what they ask, linked so that one signal leads to the next. Pure.

In provisioning files Grafana expands ``$name``; what is for its own later use is written with ``$$``.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import config_merge
from ansible_collections.obs.stack.plugins.module_utils._wiring import pem_source

TYPES = ("prometheus", "loki", "tempo", "alertmanager")
UID = re.compile(r"^[A-Za-z0-9_-]{1,40}$")
TRACE_ID = "trace_id"

# Who makes metrics of spans -> prefix, buckets of the duration, label with the service.
SPAN_METRICS = {
    "tempo": ("traces_spanmetrics", "latency_bucket", "service"),
    "otelcol": ("traces_span_metrics", "duration_milliseconds_bucket", "service_name"),
}

# Keys of an entry of datasources (pkg/services/provisioning/datasources of Grafana 12 and 13).
_IDENTITY = ("name", "type", "access", "orgId", "orgName", "uid", "url", "isDefault", "version", "editable")
_REACH = ("user", "database", "basicAuth", "basicAuthUser", "withCredentials", "jsonData", "secureJsonData")
_KEYS = frozenset((*_IDENTITY, *_REACH, "correlations"))
_SECRETS = ("password", "bearer_token", "private_key")


def _refuse(what: str, why: str, hint: str = "") -> StackError:
    return StackError(what, why=why, hint=hint, step="input", doc="input")


def datasources(
    endpoints: Sequence[Mapping[str, t.Any]], own: Sequence[Mapping[str, t.Any]] = ()
) -> dict[str, list[dict[str, t.Any]]]:
    """Data sources of endpoints, the user's own merged over them by name, and the files they need.

    Args:
        endpoints: ``name``, ``type`` (of ``TYPES``) and ``url``; optionally ``uid``, ``site`` (links stay within it
            where they can), ``default``, ``thanos``, ``interval``, ``span_metrics``, ``ca``, ``server_name``,
            ``certificate`` and ``private_key``, ``username`` and ``password``, ``bearer_token``, ``headers``.
        own: entries in upstream's keys, as in a provisioning file.

    Returns:
        ``datasources``, ``files`` and ``secrets`` for release_service.

    Raises:
        StackError: what Grafana would not start with, or a secret in the clear.
    """
    known = [_known(number, endpoint) for number, endpoint in enumerate(endpoints, 1)]
    built = [_entry(endpoint, known) for endpoint in known]
    if built and not any(entry.get("isDefault") for entry in [*built, *own]):
        first = next((entry for entry in built if entry["type"] == "prometheus"), None)
        if first:
            first["isDefault"] = True
    merged = config_merge({"datasources": built}, {"datasources": list(own)} if own else None)["datasources"]
    refuse_wrong(merged)
    files, secrets = [], []
    for endpoint in known:
        place = "datasources/{}".format(endpoint["uid"])
        for key, name in (("ca", "ca.pem"), ("certificate", "client.crt")):
            if endpoint.get(key):
                files.append({"path": f"{place}/{name}", **pem_source(str(endpoint[key]))})
        for key in _SECRETS:
            if endpoint.get(key):
                value = str(endpoint[key])
                source = pem_source(value) if key == "private_key" else {"content": value}
                secrets.append({"path": f"secrets/{place}/{key}", "variable": "grafana_endpoints", **source})
    return {"datasources": merged, "files": files, "secrets": secrets}


def _known(number: int, endpoint: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An endpoint with its uid, if it can be used."""
    where = "item {} of grafana_endpoints".format(number)
    for key in ("name", "type", "url"):
        if not endpoint.get(key):
            raise _refuse(f"Could not use {where}", f"it has no {key}", "Give each a name, a type and a url.")
    where = "'{}' of grafana_endpoints".format(endpoint["name"])
    if endpoint["type"] not in TYPES:
        raise _refuse(
            f"Could not use {where}",
            "its type is '{}'".format(endpoint["type"]),
            "It is one of {}; anything else goes into grafana_datasources.".format(", ".join(TYPES)),
        )
    if not re.match(r"^https?://[^/\s@]+(/\S*)?$", str(endpoint["url"])):
        raise _refuse(
            f"Could not use {where}",
            "its url is not of the form https://host:port",
            "Credentials are options of their own: username and password, or bearer_token.",
        )
    if bool(endpoint.get("certificate")) != bool(endpoint.get("private_key")):
        raise _refuse(f"Could not use {where}", "it has only one of certificate and private_key", "Set both.")
    if bool(endpoint.get("username")) != bool(endpoint.get("password")):
        raise _refuse(f"Could not use {where}", "it has only one of username and password", "Set both.")
    for key in ("password", "bearer_token"):
        if "$" in str(endpoint.get(key) or ""):
            raise _refuse(
                f"Could not use the {key} of {where}",
                "it has a '$', which Grafana expands when it reads the file",
                "Choose one without it.",
            )
    if endpoint.get("span_metrics") not in (None, "", *SPAN_METRICS):
        raise _refuse(
            f"Could not use {where}", "its span_metrics is '{}'".format(endpoint["span_metrics"]), "tempo or otelcol."
        )
    uid = endpoint.get("uid") or re.sub(r"[^a-z0-9]+", "-", str(endpoint["name"]).lower()).strip("-")[:40]
    return dict(endpoint, uid=uid)


def _entry(endpoint: Mapping[str, t.Any], all_of_them: Sequence[Mapping[str, t.Any]]) -> dict[str, t.Any]:
    kind = str(endpoint["type"])
    reach = {other: _nearest(endpoint, other, all_of_them) for other in TYPES}
    json_data, secure = _access(endpoint)
    json_data = {**_LINKS[kind](endpoint, reach), **json_data}
    entry: dict[str, t.Any] = {
        "name": endpoint["name"],
        "uid": endpoint["uid"],
        "type": kind,
        "access": "proxy",
        "url": str(endpoint["url"]).rstrip("/"),
        "orgId": 1,
        "editable": False,
    }
    if endpoint.get("default"):
        entry["isDefault"] = True
    if endpoint.get("username"):
        entry.update(basicAuth=True, basicAuthUser=str(endpoint["username"]))
    entry["jsonData"] = json_data
    if secure:
        entry["secureJsonData"] = secure
    return entry


def _nearest(endpoint: Mapping[str, t.Any], kind: str, others: Sequence[Mapping[str, t.Any]]) -> str:
    """uid of the first of a type at the same site, else the first at no site in particular, else ""."""
    site = endpoint.get("site") or ""
    same = [other for other in others if other["type"] == kind]
    for wanted in dict.fromkeys((site, "")):
        for other in same:
            if (other.get("site") or "") == wanted:
                return str(other["uid"])
    # One that sees all sites leads to the first of each.
    return str(same[0]["uid"]) if same and not site else ""


def _access(endpoint: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, str]]:
    """How it is reached: certificates and credentials, each a file."""
    place = "/etc/grafana/{}datasources/{}"
    public, secret = place.format("", endpoint["uid"]), place.format("secrets/", endpoint["uid"])
    data: dict[str, t.Any] = {}
    secure: dict[str, str] = {}
    if endpoint.get("ca"):
        data["tlsAuthWithCACert"] = True
        secure["tlsCACert"] = f"$__file{{{public}/ca.pem}}"
    if endpoint.get("server_name"):
        data["serverName"] = str(endpoint["server_name"])
    if endpoint.get("certificate"):
        data["tlsAuth"] = True
        secure["tlsClientCert"] = f"$__file{{{public}/client.crt}}"
        secure["tlsClientKey"] = f"$__file{{{secret}/private_key}}"
    if endpoint.get("password"):
        secure["basicAuthPassword"] = f"$__file{{{secret}/password}}"
    headers = [(name, str(value).replace("$", "$$")) for name, value in (endpoint.get("headers") or {}).items()]
    if endpoint.get("bearer_token"):
        headers.append(("Authorization", f"Bearer $__file{{{secret}/bearer_token}}"))
    for number, (name, value) in enumerate(headers, 1):  # Grafana stops at the first gap
        data[f"httpHeaderName{number}"] = str(name)
        secure[f"httpHeaderValue{number}"] = value
    return data, secure


def _prometheus(endpoint: Mapping[str, t.Any], reach: Mapping[str, str]) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {
        "httpMethod": "POST",
        "timeInterval": str(endpoint.get("interval") or "15s"),
        "prometheusType": "Thanos" if endpoint.get("thanos") else "Prometheus",
    }
    if reach["tempo"]:
        data["exemplarTraceIdDestinations"] = [
            {"name": TRACE_ID, "datasourceUid": reach["tempo"], "urlDisplayLabel": "Open trace"}
        ]
    if reach["alertmanager"]:
        data["alertmanagerUid"] = reach["alertmanager"]
    return data


def _loki(_endpoint: Mapping[str, t.Any], reach: Mapping[str, str]) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {"maxLines": "1000"}
    if reach["tempo"]:
        # By label: the id stands in the structured metadata of a line, not in its text.
        data["derivedFields"] = [
            {
                "name": "TraceID",
                "matcherType": "label",
                "matcherRegex": TRACE_ID,
                "datasourceUid": reach["tempo"],
                "url": "$${__value.raw}",
                "urlDisplayLabel": "Open trace",
            }
        ]
    return data


def _tempo(endpoint: Mapping[str, t.Any], reach: Mapping[str, str]) -> dict[str, t.Any]:
    data: dict[str, t.Any] = {
        "nodeGraph": {"enabled": True},
        "traceQuery": {"timeShiftEnabled": True, "spanStartTimeShift": "-30m", "spanEndTimeShift": "30m"},
    }
    shift = {"spanStartTimeShift": "-5m", "spanEndTimeShift": "5m"}
    if reach["loki"]:
        data["tracesToLogsV2"] = {
            "datasourceUid": reach["loki"],
            **shift,
            "tags": [{"key": "service.name", "value": "service_name"}],
            "filterByTraceID": False,
            "filterBySpanID": False,
            "customQuery": True,
            "query": "{$${__tags}} | " + TRACE_ID + '="$${__trace.traceId}"',
        }
    if reach["prometheus"]:
        prefix, buckets, label = SPAN_METRICS[str(endpoint.get("span_metrics") or "tempo")]
        calls = f"{prefix}_calls_total{{$$__tags%s}}[5m]"
        data["tracesToMetrics"] = {
            "datasourceUid": reach["prometheus"],
            **shift,
            "tags": [{"key": "service.name", "value": label}],
            "queries": [
                {"name": "Requests", "query": "sum(rate({}))".format(calls % "")},
                {"name": "Errors", "query": "sum(rate({}))".format(calls % ', status_code="STATUS_CODE_ERROR"')},
                {
                    "name": "Duration, 99th percentile",
                    "query": f"histogram_quantile(0.99, sum by (le) (rate({prefix}_{buckets}{{$$__tags}}[5m])))",
                },
            ],
        }
        data["serviceMap"] = {"datasourceUid": reach["prometheus"]}
    return data


def _alertmanager(_endpoint: Mapping[str, t.Any], _reach: Mapping[str, str]) -> dict[str, t.Any]:
    return {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}


_LINKS: dict[str, t.Callable[[Mapping[str, t.Any], Mapping[str, str]], dict[str, t.Any]]] = {
    "prometheus": _prometheus,
    "loki": _loki,
    "tempo": _tempo,
    "alertmanager": _alertmanager,
}


def refuse_wrong(entries: Sequence[Mapping[str, t.Any]]) -> None:
    """Refuse what Grafana would end on at its start: it reads data sources before it answers anybody.

    Raises:
        StackError: an entry that is not whole, two that clash, or a secret in the clear.
    """
    taken: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        name = str(entry["name"])
        where = f"Could not use the data source '{name}'"
        unknown = sorted(set(entry) - _KEYS)
        if unknown:
            raise _refuse(where, f"unknown key {unknown[0]}", "Keys are those of a provisioning file of Grafana.")
        if not entry.get("type"):
            raise _refuse(where, "it has no type", "Set type to the id of its plugin, such as prometheus.")
        uid = str(entry.get("uid") or "")
        if uid and not UID.match(uid):
            raise _refuse(where, f"its uid is '{uid}'", "Up to 40 letters, digits, '-' and '_'.")
        org = str(entry.get("orgName") or entry.get("orgId") or 1)
        default = "yes" if entry.get("isDefault") else ""
        for what, value in (("uid", uid), ("isDefault", default)):
            other = taken.setdefault((org, what, value), name) if value else name
            if other != name:
                raise _refuse(where, f"'{other}' has the same {what}", "Grafana would not start.")
        for key, value in (entry.get("secureJsonData") or {}).items():
            if "$" not in str(value) and not key.startswith("httpHeaderValue"):
                raise _refuse(
                    where,
                    f"secureJsonData.{key} would stand in the clear",
                    "Put it into grafana_secrets and name the file: $__file{/etc/grafana/secrets/<name>}.",
                )


def dashboard_files(sources: Sequence[t.Any]) -> list[dict[str, str]]:
    """Place dashboards below ``dashboards/<folder>`` of the live folder, which no change of generation moves.

    Raises:
        StackError: an item has no ``src``, or a folder that cannot be one.
    """
    placed = []
    for number, item in enumerate(sources, 1):
        if not isinstance(item, Mapping) or not item.get("src"):
            raise _refuse(f"Could not use item {number} of grafana_dashboards", "it has no src", "Write {src: path}.")
        folder = str(item.get("folder") or "")
        if "/" in folder or folder.startswith(".") or folder != folder.strip():
            raise _refuse(
                f"Could not use the folder '{folder}' of grafana_dashboards",
                "Grafana makes one folder of one name",
                "Write it without '/', a dot in front, and blanks at an end.",
            )
        path = f"dashboards/{folder}/" if folder else "dashboards/"
        placed.append({"path": path, "src": str(item["src"]), "variable": "grafana_dashboards"})
    return placed
