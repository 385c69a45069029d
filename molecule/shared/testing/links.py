"""Whether links of a notification lead anywhere: pages and dashboards that ship, queries that are answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from channels import Told, at
from lab import PROJECT, get

SOURCES = {"loki": "loki", "prometheus": "prometheus"}  # uid -> kind, of obs_alert_links and the role grafana
DASHBOARDS = {path.stem for path in (PROJECT / "roles/grafana/files").resolve().glob("**/*.json")}
_URL = re.compile(r"https?://[^\s\"'<>|)\\]+")


def links(one: Told) -> list[str]:
    """Every URL that a notification says, each once."""
    found = _URL.findall("\n".join(_texts(one.body)).replace("&amp;", "&"))
    return list(dict.fromkeys(url for url in found if "adaptivecards.io" not in url))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def kind(url: str) -> str:
    """runbook, dashboard, annotation (a dashboard without times), logs, others, alertmanager, silence, graph, or ""."""
    parts = urlsplit(url)
    if "/runbooks/" in parts.path:
        return "runbook"
    if parts.path.startswith("/d/"):
        return "dashboard" if parts.query else "annotation"
    if parts.path == "/graph":
        return "graph"
    if parts.path == "/explore":
        return "logs" if _pane(url)["datasource"] == "loki" else "others"
    if parts.fragment.startswith("/silences/new"):
        return "silence"
    return "alertmanager" if parts.fragment.startswith("/alerts") else ""


def _pane(url: str) -> dict[str, Any]:
    asked = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert asked["schemaVersion"] == ["1"] and asked["orgId"] == ["1"], url
    (pane,) = json.loads(asked["panes"][0]).values()
    return pane


def broken(url: str) -> str:
    """What is wrong with a link; nothing when it resolves."""
    what, parts = kind(url), urlsplit(url)
    if what == "runbook":
        page = PROJECT / "docs/runbooks" / unquote(parts.path.rpartition("/")[2])
        return "" if page.is_file() else f"no page {page.name}"
    if what in ("dashboard", "annotation"):
        uid = parts.path.removeprefix("/d/")
        if uid not in DASHBOARDS:
            return f"no dashboard {uid}"
        if what == "annotation":
            return ""  # as the rule has it, among PagerDuty's details
        asked = parse_qs(parts.query, strict_parsing=True)
        return "" if asked["from"][0].isdigit() and re.fullmatch(r"now|\d+", asked["to"][0]) else "no times"
    if what in ("logs", "others"):
        return _explored(_pane(url))
    if what == "graph":
        answer = _asked("http://127.0.0.1:9090/api/v1/query", f"query={parse_qs(parts.query)['g0.expr'][0]}")
        return "" if answer.status == 200 else answer.body
    if what == "silence":
        matchers = unquote(parts.fragment.partition("filter=")[2]).strip("{}")
        answer = _asked("http://127.0.0.1:9093/api/v2/alerts", *(f"filter={one}" for one in _split(matchers)))
        return "" if answer.status == 200 else answer.body
    if what == "alertmanager":
        return "" if re.fullmatch(r"/alerts\?receiver=\w+", parts.fragment) else "no receiver"
    return "of no kind that is known"


def _split(matchers: str) -> list[str]:
    return re.findall(r'\w+="(?:[^"\\]|\\.)*"', matchers)


def _explored(pane: dict[str, Any]) -> str:
    (asked,) = pane["queries"]
    if (
        SOURCES.get(pane["datasource"]) != asked["datasource"]["type"]
        or pane["datasource"] != asked["datasource"]["uid"]
    ):
        return f"no data source {pane['datasource']}"
    if not pane["range"]["from"].isdigit() or not re.fullmatch(r"now|\d+", pane["range"]["to"]):
        return "no times"
    if asked["datasource"]["type"] == "prometheus":
        answer = _asked("http://127.0.0.1:9090/api/v1/query", f"query={asked['expr']}")
        return "" if answer.status == 200 else answer.body
    # No Loki is there; the scenario stack asks one. Here: a selector, and behind it filters by labels.
    one = r'\w+(=|!=|=~|!~)"(?:[^"\\]|\\.)*"'
    whole = rf"\{{{one}(,{one})*\}}( \| \(?{one}( or {one})*\)?)*"
    return "" if re.fullmatch(whole, asked["expr"]) else f"no query of logs: {asked['expr']}"


def _asked(url: str, *parts: str) -> Any:
    return get(at("alerting-a"), url, "-G", *(word for part in parts for word in ("--data-urlencode", part)))
