# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that run a runbook. Documentation is in <filter>.yml."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.obs.stack.plugins.module_utils import _diagnosis
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import BY_NAME, site_of
from ansible_collections.obs.stack.plugins.plugin_utils import _diagnosis_report, _tables
from ansible_collections.obs.stack.plugins.plugin_utils._causes import causes_of
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]
PAGES = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
# Whose samples reach further, and are of all replicas.
TRUSTED_FIRST = ("thanos-query", "prometheus", "loki")
GENERATIONS = 3


def diagnosis_page(alert: str, folder: str = "") -> dict[str, t.Any]:
    """The runbook of an alert, those of one's own before those that ship."""
    name = alert.strip()
    folders = [*([Path(folder).expanduser()] if folder else []), PAGES]
    known = {path.stem: path for place in reversed(folders) for path in sorted(place.glob("*.md"))}
    if not name:
        raise StackError(
            "Could not diagnose anything", why="no alert was named", hint="Give ALERT= (-e alert=).", doc="diagnose"
        )
    if name not in known:
        raise _diagnosis.unknown(name, known)
    return _diagnosis.page_of(name, known[name].read_text(encoding="utf-8"))._asdict()


def diagnosis_first(alert: str, given: Mapping[str, str]) -> list[str]:
    """Queries that tell which alert is meant and whether it fires."""
    return _diagnosis.first_queries(alert, given)


def diagnosis_subject(
    hostvars: HostVars, hosts: Sequence[str], page: Mapping[str, t.Any], given: Mapping[str, str]
) -> dict[str, t.Any]:
    """What the diagnosis is about, with the page's queries for it."""
    asked = [(host, (hostvars[host].get("obs_diagnosis_first") or {}).get("answers")) for host in hosts]
    found = [(site_of(hostvars[host]), answers) for host, answers in asked if answers]
    sites = {site for site, _answers in found}
    about = _diagnosis.subject(
        page["alert"], given, [answers for _site, answers in found], next(iter(sites)) if len(sites) == 1 else ""
    )
    labels = _completed(about.labels, hostvars)
    unit = labels.get("service", "") if given.get("service") else _unit(labels)
    queries = _diagnosis.queries(_diagnosis.Page(**page), labels)
    return {
        **about._asdict(),
        "labels": labels,
        "unit": unit,
        "queries": [one._asdict() for one in queries],
        **{
            language: [one.query for one in queries if one.language == language and not one.lacks]
            for language in ("promql", "logql")
        },
    }


def _completed(labels: Mapping[str, str], hostvars: HostVars) -> dict[str, str]:
    """Labels with what follows from others: the host of an instance, the job that a service's name is."""
    found = dict(labels)
    place = found.get("instance", "").rpartition(":")[0] or found.get("instance", "")
    if not found.get("host") and place in hostvars:
        found["host"] = place
    if not found.get("site") and found.get("host") in hostvars:
        found["site"] = site_of(hostvars[found["host"]])
    if not found.get("job") and found.get("service"):
        found["job"] = found["service"]
    if not found.get("service") and found.get("job"):
        found["service"] = found["job"]
    return found


def _unit(labels: Mapping[str, str]) -> str:
    """The unit whose journal is worth reading, "" for that of the whole host."""
    name = labels.get("name") or labels.get("service") or labels.get("job") or ""
    if name.endswith(".service"):
        return name[: -len(".service")]
    return "" if name == "node_exporter" or name not in BY_NAME else name


def diagnosis_report(
    hostvars: HostVars,
    hosts: Sequence[str],
    page: Mapping[str, t.Any],
    form: str = "text",
    subject: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Lay out what was found."""
    if form not in _diagnosis_report.FORMS:
        raise StackError(
            f"Could not report as {form}",
            why="a report is one of {0}".format(", ".join(_diagnosis_report.FORMS)),
            hint="Give FORMAT= (-e format=) one of them.",
            step="input",
            doc="diagnose",
        )
    about = dict(subject or {})
    answers = _answers(hostvars, hosts)
    queries = [_answered(one, answers) for one in about.get("queries") or []]
    wrong = []
    asked = [one for one in queries if one["language"] == "promql" and not one["lacks"]]
    if asked and not any(one["query"] in answers for one in asked):
        wrong.append("Could not ask any query: no Prometheus or Thanos query answered.")
    found = {
        "alert": page["alert"],
        "texts": page["texts"],
        "now": time.time(),
        **{key: about[key] for key in ("labels", "state", "since", "last", "others", "unit")},
        "queries": queries,
        "notes": _notes(hostvars, hosts),
        "commands": [_diagnosis.filled(line, about["labels"]) for line in page["sh"]],
        **_of_host(hostvars, hosts),
    }
    return {"lines": _diagnosis_report.FORMS[form](found), "wrong": wrong}


def _answers(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Mapping[str, t.Any]]:
    """Query -> its answer: that of whoever is trusted first, and of those who know something."""
    found: dict[str, Mapping[str, t.Any]] = {}
    for service in reversed(TRUSTED_FIRST):
        registered = "obs_diagnosis_logs" if service == "loki" else "obs_diagnosis_queries"
        for host in hosts:
            if service not in ("loki", hostvars[host].get("diagnosis_service")):
                continue
            for one in (hostvars[host].get(registered) or {}).get("answers") or []:
                if one["result"] or one["query"] not in found:
                    found[one["query"]] = one
    return found


def _answered(one: Mapping[str, t.Any], answers: Mapping[str, Mapping[str, t.Any]]) -> dict[str, t.Any]:
    got = answers.get(one["query"])
    if got or one["lacks"]:
        return {**one, "error": (got or {}).get("error", ""), "result": (got or {}).get("result", [])}
    return {**one, "error": _unasked(one["language"]), "result": []}


def _notes(hostvars: HostVars, hosts: Sequence[str]) -> list[str]:
    """Who could not be asked."""
    notes = []
    for host in hosts:
        for registered in ("obs_diagnosis_first", "obs_diagnosis_queries", "obs_diagnosis_logs"):
            result = hostvars[host].get(registered) or {}
            if result.get("failed") or result.get("unreachable") or ("msg" in result and not result.get("skipped")):
                why = causes_of(result, "", unreachable=bool(result.get("unreachable")))[0]
                notes.append(f"{host} could not be asked: {why}")
    return list(dict.fromkeys(notes))


def _of_host(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The journal and the changes of the host that it is about."""
    found: dict[str, dict[str, list[str]]] = {"journal": {}, "changes": {}}
    for host in hosts:
        journal = hostvars[host].get("obs_diagnosis_journal") or {}
        if not journal or journal.get("skipped"):
            continue
        if journal.get("rc") == 0:
            found["journal"][host] = list(journal.get("stdout_lines") or [])
        else:
            found["journal"][host] = [causes_of(journal, "", unreachable=bool(journal.get("unreachable")))[0]]
        found["changes"][host] = _changes(hostvars[host].get("obs_diagnosis_changes") or {})
    return found


def _unasked(language: str) -> str:
    return "no Loki answered" if language == "logql" else "no Prometheus of the site answered"


def _changes(registered: Mapping[str, t.Any]) -> list[str]:
    """The latest generations of the services of a host, the newest first."""
    services = [
        service for result in registered.get("results") or [registered] for service in result.get("services") or []
    ]
    rows = []
    for service in services:
        for one in (service.get("generations") or [])[:GENERATIONS]:
            failure = str(one.get("failure") or "").strip()
            words = "{0}  {1} {2}, generation {3}, {4}{5}".format(
                _tables.moment(str(one.get("created") or "")),
                service["name"],
                one.get("version") or "-",
                one["number"],
                one.get("state") or "-",
                ": " + failure.splitlines()[0] if failure else "",
            )
            rows.append((str(one.get("created") or ""), words))
    return [words for _at, words in sorted(rows, reverse=True)][: 2 * GENERATIONS]


class FilterModule:
    """Runbooks that run."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "diagnosis_first": explained(diagnosis_first),
            "diagnosis_page": explained(diagnosis_page),
            "diagnosis_report": explained(diagnosis_report),
            "diagnosis_subject": explained(diagnosis_subject),
        }
