# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The template file with the links of an alert: runbook, dashboard, logs, what else fired there. Pure.

Links are made where notifications are, not in rules, so that alerts of the users' own rules have them, too.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._annotation_links import NAME
from ansible_collections.obs.stack.plugins.module_utils._routing import quoted, refusal

KEYS = ("grafana_url", "runbook_url", "logs_datasource", "metrics_datasource")
_URL = re.compile(r"^https?://[^/\s@]+(/\S*)?$")
# In nanoseconds, as Go counts: a quarter of an hour around an alert, and a day before it.
_AROUND, _DAY = 900 * 10**9, 86400 * 10**9
# Labels of an alert that dashboards take as variables of the same or another name.
_VARIABLES = {
    "site": "site",
    "instance": "instance",
    "job": "job",
    "sloth_service": "service",
    "sloth_slo": "slo",
}
# A longer value would make a link that a channel cuts off.
_LONGEST = 80
# How links look in a format: one of them, and what is between two.
FORMATS: dict[str, tuple[str, str]] = {
    "text": ("{name}: {url}", "\n"),
    "slack": ("<{url}|{name}>", "  "),
    "markdown": ("[{name}]({url})", " · "),
    # Telegram knows four named entities only.
    "html": ('<a href="{url}">{name}</a>', " · "),
}


def link_templates(links: t.Mapping[str, t.Any] | None) -> str:
    """Text of ``obs_urls.tmpl``.

    Args:
        links: ``grafana_url``, ``runbook_url`` (with ``{name}`` where the name of the page goes, else at its end),
            ``logs_datasource`` and ``metrics_datasource`` (uids in Grafana).

    Raises:
        StackError: an unknown key, or a URL that is none.
    """
    given = {str(key): str(value) for key, value in (links or {}).items() if value}
    for key in given:
        if key not in KEYS:
            raise refusal("obs_alert_links", f"it has no key '{key}'", "It takes {}.".format(", ".join(KEYS)))
    for key in ("grafana_url", "runbook_url"):
        if given.get(key) and not _URL.match(given[key].replace(NAME, "name")):
            raise refusal(f"{key} '{given[key]}' of obs_alert_links", "it is no URL", "Write https://host/path.")
    grafana = given.get("grafana_url", "").rstrip("/")
    logs = given.get("logs_datasource", "") if grafana else ""
    metrics = given.get("metrics_datasource", "") if grafana else ""
    parts = [
        "{{/* Written by the role alertmanager from alertmanager_links. */ -}}",
        _define("obs.runbook_url", _runbook(given.get("runbook_url", ""))),
        _define("obs.dashboard_url", _dashboard(grafana)),
        _define("obs.logs_url", _logs(grafana, logs) if logs else ""),
        _define("obs.others_url", _others(grafana, metrics) if metrics else ""),
    ]
    shown = [
        ("Runbook", "obs.runbook_url", _either("runbook", given.get("runbook_url", ""))),
        ("Dashboard", "obs.dashboard_url", _either("dashboard", grafana)),
        ("Logs", "obs.logs_url", _either_label() if logs else ""),
        ("What else fired", "obs.others_url", "true" if metrics else ""),
    ]
    for form, words in FORMATS.items():
        parts.append(_define(f"obs.links.{form}", _list(shown, words)))
    # The shorter ones, for a channel with little room.
    parts.append(_define("obs.links.short", _list(shown[:3], FORMATS["html"])))
    for what in ("runbook", "dashboard", "logs", "others"):
        first = "{{ range $i, $a := .Alerts }}{{ if eq $i 0 }}{{ template " + quoted(f"obs.{what}_url") + " $a }}"
        parts.append(_define(f"obs.first.{what}_url", first + "{{ end }}{{ end }}"))
    return "\n".join(parts) + "\n"


def _define(name: str, body: str) -> str:
    return "{{ define " + quoted(name) + " }}" + body + "{{ end }}"


def _either(name: str, base: str) -> str:
    return f"or .Annotations.{name}_url .Annotations.{name}" if base else f".Annotations.{name}_url"


def _either_label() -> str:
    return "or .Labels.site .Labels.host .Labels.instance .Labels.job .Labels.service .Labels.sloth_service"


def _own(name: str, other: str) -> str:
    """The URL an annotation gives, or else another one."""
    own = "{{ if .Annotations." + name + "_url }}{{ .Annotations." + name + "_url }}"
    return own + (("{{ else if .Annotations." + name + " }}" + other) if other else "") + "{{ end }}"


def _runbook(base: str) -> str:
    if not base:
        return _own("runbook", "")
    before, _name, behind = (base if NAME in base else base.rstrip("/") + "/" + NAME).partition(NAME)
    page = '{{ printf "%s%s%s" ' + f"{quoted(before)} (urlquery .Annotations.runbook) {quoted(behind)}" + " }}"
    # Others give the whole address by this name.
    whole = '{{ if match "^https?://" .Annotations.runbook }}{{ .Annotations.runbook }}'
    return _own("runbook", whole + "{{ else }}" + page + "{{ end }}")


def _until() -> str:
    return (
        '{{ $to := "now" }}{{ if eq .Status "resolved" }}'
        '{{ $to = printf "%d" (.EndsAt.Add ' + str(_AROUND) + ").UnixMilli }}{{ end }}"
    )


def _dashboard(grafana: str) -> str:
    if not grafana:
        return _own("dashboard", "")
    body = _until() + '{{ $vars := "" }}'
    for label, variable in _VARIABLES.items():
        body += _if_short(label, '{{ $vars = printf "%s&var-' + variable + '=%s" $vars (urlquery .) }}')
    body += (
        '{{ printf "%s/d/%s?from=%d&to=%s%s" ' + quoted(grafana) + " (urlquery .Annotations.dashboard) "
        f"(.StartsAt.Add -{_AROUND}).UnixMilli $to $vars" + " }}"
    )
    # The address that the annotation of a rule of ours has as well is the same without place and time.
    plain = '{{ $plain := printf "%s/d/%s" ' + quoted(grafana) + " (urlquery .Annotations.dashboard) }}"
    own = "and .Annotations.dashboard_url (ne .Annotations.dashboard_url $plain)"
    theirs = "{{ if " + own + " }}{{ .Annotations.dashboard_url }}"
    return plain + theirs + "{{ else if .Annotations.dashboard }}" + body + "{{ end }}"


def _if_short(label: str, body: str) -> str:
    return "{{ with .Labels." + label + " }}{{ if le (len .) " + str(_LONGEST) + " }}" + body + "{{ end }}{{ end }}"


def _and(label: str) -> str:
    return _if_short(label, '{{ $m = printf "%s,' + label + '=%q" $m . }}')


def _host() -> str:
    """The host that an alert is about; its instance without the port where it has no such label."""
    from_instance = '{{ $host = reReplaceAll ":[0-9]+$" "" . }}'
    return (
        '{{ $host := "" }}{{ if .Labels.host }}' + _if_short("host", "{{ $host = . }}") + "{{ else }}"
        "{{ with .Labels.instance }}" + from_instance + "{{ end }}{{ end }}"
    )


def _service() -> str:
    """The service that writes the lines. What node_exporter says of a host concerns all of them."""
    choices = (
        (".Labels.sloth_service", "sloth_service"),
        (".Labels.service", "service"),
        ('and .Labels.job (ne .Labels.job "node_exporter")', "job"),
    )
    told = (f"{condition} }}}}" + _if_short(label, "{{ $service = . }}") for condition, label in choices)
    return '{{ $service := "" }}{{ if ' + "{{ else if ".join(told) + "{{ end }}"


def _explore(grafana: str, kind: str, source: str, expr: str, before: int) -> str:
    pane = (
        '{"obs":{"datasource":%s,"queries":[{"refId":"A","datasource":{"type":%s,"uid":%s},"expr":%s}],'
        '"range":{"from":"%d","to":%s}}}'
    )
    uid = f"(toJson {quoted(source)})"
    # A plus sign for a blank is not read so by everybody.
    escaped = r'(reReplaceAll "\\+" "%20" (urlquery $pane))'
    return (
        "{{ $pane := printf `" + pane + f"` {uid} (toJson {quoted(kind)}) {uid} (toJson ({expr})) "
        f"(.StartsAt.Add -{before}).UnixMilli (toJson $to)" + " }}"
        '{{ printf "%s/explore?schemaVersion=1&orgId=1&panes=%s" ' + quoted(grafana) + f" {escaped}" + " }}"
    )


def _logs(grafana: str, source: str) -> str:
    """Lines of a service, those of the host and those that name none: what an application sends itself may not."""
    body = _until() + '{{ $m := "" }}' + _and("site") + _host() + _service()
    body += '{{ $on := "" }}{{ if $service }}{{ $m = printf "%s,service_name=%q" $m $service }}{{ if $host }}'
    body += '{{ $on = printf " | (host=%q or host=\\"\\")" $host }}{{ end }}'
    body += '{{ else if $host }}{{ $m = printf "%s,host=%q" $m $host }}{{ end }}'
    expr = 'printf "{%s}%s" (reReplaceAll "^," "" $m) $on'
    return body + "{{ if $m }}" + _explore(grafana, "loki", source, expr, _AROUND) + "{{ end }}"


def _others(grafana: str, source: str) -> str:
    expr = 'printf "ALERTS{alertstate=\\"firing\\"%s}" $m'
    link = _explore(grafana, "prometheus", source, expr, _DAY)
    return _until() + '{{ $m := "" }}' + _and("site") + _and("host") + link


def _list(shown: Sequence[tuple[str, str, str]], look: tuple[str, str]) -> str:
    one, gap = look
    links = []
    for name, template, condition in shown:
        if condition:
            link = one.format(name=name, url="{{ template " + quoted(template) + " . }}")
            links.append("{{ if " + condition + " }}" + link + gap + "{{ end }}")
    return "".join(links)


def checked(links: t.Any) -> Mapping[str, t.Any]:
    """Links as a dictionary.

    Raises:
        StackError: they are something else.
    """
    if links and not isinstance(links, Mapping):
        raise refusal("obs_alert_links", "it is not a dictionary", "Write {grafana_url: https://…}.")
    return links or {}
